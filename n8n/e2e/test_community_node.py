"""The community package in a fresh n8n: installed from its tarball, its credential tested, its node used."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from n8n.e2e.harness.community import SETTINGS, Chain, Editor, chat_node, credential, install
from n8n.e2e.harness.copies import Credential
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.server import N8n, n8n_server
from n8n.e2e.harness.service import UmbralChat, umbral_chat

NONE = Credential("", "", "")
"""The copies' own kind of credential, which these workflows do not use."""


@dataclass(frozen=True)
class Fresh:
    """The service, n8n and the two workflows."""

    service: UmbralChat
    n8n: N8n
    everything: Chain
    failing: Chain
    wrong_key: Chain
    right: dict[str, Any]

    def run(self, chain: Chain, **body: object) -> Any:
        """The last node's first item."""
        return self.n8n.webhook(chain, body, key=None).body


@pytest.fixture(scope="module")
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    folder = tmp_path_factory.mktemp("community")
    command = request.config.getoption("--umbral-chat")
    installed = ensure_installed()
    install(installed, folder / "n8n", folder / "logs")
    with ExitStack() as running:
        service = running.enter_context(umbral_chat(command, folder, folder / "logs" / "umbral-chat.log"))
        right = credential("Right", service.url, service.key)
        wrong = credential("Wrong", service.url, "not-a-key-of-this-service")
        chains = (
            Chain("everything", "", "", NONE, nodes=everything(right)),
            Chain("failing", "", "", NONE, nodes=[edit_nothing(right)]),
            Chain("wrong-key", "", "", NONE, nodes=[edit_nothing(wrong)]),
        )
        n8n = running.enter_context(
            n8n_server(installed, folder / "n8n", folder / "logs", [right, wrong], chains, **SETTINGS)
        )
        yield Fresh(service, n8n, *chains, right)


def everything(used: dict[str, Any]) -> list[dict[str, Any]]:
    """Each operation once, and at the end what each returned."""
    sent = "={{ $('Send').first().json.entry"
    seconds = {"role": "assistant", "seconds": 30}
    question = "={{ $('Webhook').first().json.body.question }}"
    answer = "={{ 'You said: ' + $('Send').first().json.entry.content }}"
    nodes = [
        chat_node("Send", used, "message", "send", content=question, role="user", options={"senderId": "visitor"}),
        chat_node("Run", used, "run", "start", role="assistant", options={"forSeq": f"{sent}.seq }}}}"}),
        chat_node("Progress", used, "run", "progress", state="tool", label="Looking", ttl=60),
        chat_node("Typing", used, "typing", "start", **seconds),
        chat_node("Answer", used, "message", "send", content=answer, options={"ofRun": True}),
        chat_node("End", used, "run", "end", outcome="completed"),
        chat_node("Quiet", used, "typing", "stop", role="assistant"),
        chat_node("Edit", used, "message", "edit", messageId=f"{sent}.message_id }}}}", content="Edited."),
        chat_node("Presence", used, "conversation", "presence"),
        chat_node("Over", used, "conversation", "handOver"),
        chat_node("Get", used, "conversation", "get"),
        chat_node("Back", used, "conversation", "handBack"),
        chat_node("Transcript", used, "conversation", "transcript", format="openai"),
        chat_node("Token", used, "token", "create", subject="visitor", rights=["read"], ttl=60),
        chat_node("Close", used, "conversation", "close"),
        chat_node("History", used, "message", "getAll", limit=10),
    ]
    names = [node["name"] for node in nodes]
    said = ", ".join(f"{name}: $('{name}').all().map((item) => item.json)" for name in names)
    # Two braces at the end of an expression would close it.
    gather = {
        "name": "Gather",
        "type": "n8n-nodes-base.set",
        "typeVersion": 3.5,
        "executeOnce": True,
        "parameters": {"mode": "raw", "jsonOutput": f"={{{{ ({{ {said} }}) }}}}", "options": {}},
    }
    return [*nodes, gather]


def edit_nothing(used: dict[str, Any]) -> dict[str, Any]:
    """A call that the service refuses; the workflow goes on with the error."""
    node = chat_node("Edit", used, "message", "edit", messageId="not-there", content="x")
    return {**node, "onError": "continueRegularOutput"}


def test_the_credential_is_tested_by_its_button(fresh: Fresh) -> None:
    editor = Editor(fresh.n8n.url)
    assert editor.post("/rest/credentials/test", {"credentials": fresh.right})["status"] == "OK"
    data = {**fresh.right["data"], "apiKey": "not-a-key-of-this-service"}
    assert editor.post("/rest/credentials/test", {"credentials": {**fresh.right, "data": data}})["status"] == "Error"


def test_every_operation_does_what_it_says(fresh: Fresh) -> None:
    found = fresh.run(fresh.everything, conversation="room:17", question="Where is it?")
    (answer,) = found["Answer"]
    assert answer["created"] is True
    assert found["Progress"][0]["cancel_requested"] is False
    assert found["Presence"][0]["counts"]["agent"] == 0
    assert found["Get"][0]["responder"] == "human"
    assert found["Back"][0]["responder"] == "assistant"
    assert found["Close"][0]["status"] == "closed"
    assert [message["content"] for message in found["History"]] == ["Edited.", "You said: Where is it?"]
    (transcript,) = found["Transcript"]
    assert [message["role"] for message in transcript["messages"]] == ["user", "assistant"]
    assert found["Token"][0]["token"].count(".") == 2
    kinds = [entry["kind"] for entry in fresh.service.log("room:17")]
    assert kinds == ["message", "message", "edit", "update", "update", "update"]
    sender = fresh.service.log("room:17")[0]["sender"]
    assert (sender["role"], sender["id"]) == ("user", "visitor")


def test_another_execution_sends_another_message(fresh: Fresh) -> None:
    for _ in range(2):
        fresh.run(fresh.everything, conversation="twice", question="again")
    entries = [entry for entry in fresh.service.log("twice") if entry["kind"] == "message"]
    assert [entry["content"] for entry in entries if entry["sender"]["role"] == "user"] == ["again", "again"]


def test_an_error_has_its_code_and_what_mends_it(fresh: Fresh) -> None:
    refused = fresh.run(fresh.failing, conversation="errors")
    assert "(message_not_found)" in refused["error"] or "not_found" in refused["error"]
    denied = fresh.run(fresh.wrong_key, conversation="errors")
    assert "(unauthorized)" in denied["error"]
    assert "API key in the credential" in denied["description"]
    assert "not-a-key" not in str(denied)
