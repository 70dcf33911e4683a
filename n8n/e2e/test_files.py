"""Checks that n8n's import does not make, without n8n: an unknown node or a missing version fails only at run time."""

from collections.abc import Iterator
from typing import Any

import pytest

from n8n.e2e.harness.copies import WORKFLOWS, load

FILES = sorted(path.name for path in WORKFLOWS.glob("*.json"))
BY_NODES = {"started-by-the-trigger.json"}
"""Those with the nodes of our own package."""
BY_BRIDGE = {"agent-behind-the-bridge.json", "hand-over.json"}
"""Those whose answers the bridge stores."""
WITHOUT_ADDRESS = {"agent-behind-the-bridge.json"}
"""Those that know nothing of the service."""
NOT_ANSWERING = {
    "send-and-follow.json",
    "visitor-token.json",
    "scheduled-push.json",
    "unseen-answer.json",
    "transcript-when-closed.json",
    "realtime-off.json",
}
ANSWERING = sorted({*FILES} - NOT_ANSWERING - BY_NODES - BY_BRIDGE)
"""Those in which an assistant's answer is stored by a request."""
README = (WORKFLOWS.parent / "README.md").read_text()
LANGCHAIN = "@n8n/n8n-nodes-langchain"
CHAT_TRIGGER = f"{LANGCHAIN}.chatTrigger"


def nodes(file: str, type_: str = "") -> Iterator[dict[str, Any]]:
    return (node for node in load(file)["nodes"] if node["type"].endswith(type_))


def texts(value: object) -> Iterator[str]:
    """Every text in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


@pytest.mark.parametrize("file", FILES)
def test_only_known_nodes_each_with_a_version_a_name_and_an_id_of_its_own(file: str) -> None:
    found = list(nodes(file))
    packages = ("n8n-nodes-base.", "n8n-nodes-umbral-chat.") if file in BY_NODES else ("n8n-nodes-base.",)
    agents = f"{LANGCHAIN}." if file in WITHOUT_ADDRESS else CHAT_TRIGGER
    assert all(node["type"].startswith((*packages, agents)) for node in found)
    assert all(node["typeVersion"] for node in found)
    assert len({node["id"] for node in found}) == len({node["name"] for node in found}) == len(found)


@pytest.mark.parametrize("file", FILES)
def test_every_request_has_the_credential_a_time_limit_and_tries_again(file: str) -> None:
    for node in nodes(file, ".httpRequest"):
        # An id that this n8n does not know makes its editor drop the credential; with none it looks for the name.
        assert node["credentials"]["httpHeaderAuth"] == {"id": None, "name": "Umbral Chat key"}
        assert node["parameters"]["options"]["timeout"] <= 30_000
        assert (node["retryOnFail"], node["maxTries"]) == (True, 3)
        sends = node["parameters"]["url"].endswith("/messages") and node["parameters"]["method"] == "POST"
        assert not sends or "client_id" in node["parameters"]["jsonBody"], "a repeat must not be stored twice"


@pytest.mark.parametrize("file", FILES)
def test_it_is_in_the_readme(file: str) -> None:
    assert f"workflows/{file}" in README
    assert load(file)["name"] in README
    assert load(file)["id"] in README, "to publish it on the command line"


@pytest.mark.parametrize("file", sorted({*FILES} - BY_NODES - WITHOUT_ADDRESS))
def test_it_points_at_the_default_address(file: str) -> None:
    (settings,) = [node for node in nodes(file, ".set") if node["name"] == "Settings"]
    fields = {field["name"]: field["value"] for field in settings["parameters"]["assignments"]["assignments"]}
    assert fields["base_url"] == "http://127.0.0.1:8750"


@pytest.mark.parametrize("file", sorted(BY_NODES))
def test_every_node_of_the_package_has_its_credential_by_name(file: str) -> None:
    found = [node for node in nodes(file) if node["type"].startswith("n8n-nodes-umbral-chat.")]
    assert found
    assert all(node["credentials"] == {"umbralChatApi": {"id": None, "name": "Umbral Chat API"}} for node in found)


@pytest.mark.parametrize("file", FILES)
def test_no_expression_is_closed_by_the_object_in_it(file: str) -> None:
    """`}}` closes an expression, also where it ends two objects."""
    for text in texts(load(file)):
        if text.startswith("="):
            parts = text.split("{{")[1:]
            assert all("}}" not in part.partition("}}")[2] for part in parts), text


@pytest.mark.parametrize("file", FILES)
def test_it_is_imported_unpublished_and_without_data(file: str) -> None:
    workflow = load(file)
    assert workflow["active"] is False
    assert workflow["pinData"] == {}
    names = {node["name"] for node in workflow["nodes"]}
    kinds = [kind for outs in workflow["connections"].values() for kind in outs.values()]
    targets = {one["node"] for kind in kinds for out in kind for one in out}
    assert targets | set(workflow["connections"]) <= names


@pytest.mark.parametrize("file", ANSWERING)
def test_an_answer_without_text_has_a_configured_replacement(file: str) -> None:
    (store,) = [node for node in nodes(file, ".httpRequest") if node["name"] == "Store the answer"]
    assert "$json.output, " not in store["parameters"]["jsonBody"].partition("content:")[2].partition("?")[0]
    assert "$('Settings').first().json.no_answer" in store["parameters"]["jsonBody"]
    (settings,) = [node for node in nodes(file, ".set") if node["name"] == "Settings"]
    fields = {field["name"]: field["value"] for field in settings["parameters"]["assignments"]["assignments"]}
    assert fields["no_answer"].strip()
