"""Checks that n8n's import does not make, without n8n: an unknown node or a missing version fails only at run time."""

from collections.abc import Iterator
from typing import Any

import pytest

from n8n.e2e.harness.copies import WORKFLOWS, load

FILES = sorted(path.name for path in WORKFLOWS.glob("*.json"))
ANSWERING = [file for file in FILES if file not in {"send-and-follow.json", "visitor-token.json"}]
"""Those in which an assistant answers."""
README = (WORKFLOWS.parent / "README.md").read_text()
CHAT_TRIGGER = "@n8n/n8n-nodes-langchain.chatTrigger"


def nodes(file: str, type_: str = "") -> Iterator[dict[str, Any]]:
    return (node for node in load(file)["nodes"] if node["type"].endswith(type_))


@pytest.mark.parametrize("file", FILES)
def test_only_core_nodes_each_with_a_version_a_name_and_an_id_of_its_own(file: str) -> None:
    found = list(nodes(file))
    assert all(node["type"].startswith("n8n-nodes-base.") or node["type"] == CHAT_TRIGGER for node in found)
    assert all(node["typeVersion"] for node in found)
    assert len({node["id"] for node in found}) == len({node["name"] for node in found}) == len(found)


@pytest.mark.parametrize("file", FILES)
def test_every_request_has_the_credential_a_time_limit_and_tries_again(file: str) -> None:
    for node in nodes(file, ".httpRequest"):
        # An id that this n8n does not know makes its editor drop the credential; with none it looks for the name.
        assert node["credentials"]["httpHeaderAuth"] == {"id": None, "name": "Umbral Chat key"}
        assert node["parameters"]["options"]["timeout"] <= 30_000
        assert (node["retryOnFail"], node["maxTries"]) == (True, 3)
        sends = node["parameters"]["url"].endswith("/messages")
        assert not sends or "client_id" in node["parameters"]["jsonBody"], "a repeat must not be stored twice"


@pytest.mark.parametrize("file", FILES)
def test_the_file_points_at_the_default_address_and_is_in_the_readme(file: str) -> None:
    (settings,) = [node for node in nodes(file, ".set") if node["name"] == "Settings"]
    fields = {field["name"]: field["value"] for field in settings["parameters"]["assignments"]["assignments"]}
    assert fields["base_url"] == "http://127.0.0.1:8750"
    assert file in README
    assert load(file)["name"] in README


@pytest.mark.parametrize("file", FILES)
def test_it_is_imported_unpublished_and_without_data(file: str) -> None:
    workflow = load(file)
    assert workflow["active"] is False
    assert workflow["pinData"] == {}
    names = {node["name"] for node in workflow["nodes"]}
    targets = {one["node"] for outs in workflow["connections"].values() for out in outs["main"] for one in out}
    assert targets | set(workflow["connections"]) <= names


@pytest.mark.parametrize("file", ANSWERING)
def test_an_answer_without_text_has_a_configured_replacement(file: str) -> None:
    (store,) = [node for node in nodes(file, ".httpRequest") if node["name"] == "Store the answer"]
    assert "$json.output, " not in store["parameters"]["jsonBody"].partition("content:")[2].partition("?")[0]
    assert "$('Settings').first().json.no_answer" in store["parameters"]["jsonBody"]
    (settings,) = [node for node in nodes(file, ".set") if node["name"] == "Settings"]
    fields = {field["name"]: field["value"] for field in settings["parameters"]["assignments"]["assignments"]}
    assert fields["no_answer"].strip()
