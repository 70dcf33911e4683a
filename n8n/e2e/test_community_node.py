"""The community package in a fresh n8n: installed from its tarball, its credential tested, its node used."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest

from n8n.e2e.harness.community import SETTINGS, Chain, Editor, chat_node, credential, install, trigger
from n8n.e2e.harness.copies import Credential
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.process import say
from n8n.e2e.harness.server import N8n, n8n_server
from n8n.e2e.harness.service import UmbralChat, umbral_chat
from n8n.e2e.harness.web import call

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
    echo: Chain
    batch: Chain
    careful: Chain
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
            Chain(
                "echo",
                "",
                "",
                NONE,
                first=started(right, "echo."),
                nodes=[reply(right, "You said: {{ $json.content }}")],
            ),
            Chain(
                "batch",
                "",
                "",
                NONE,
                first=started(right, "batch.", execution="batch"),
                nodes=[counted(), reply(right)],
            ),
            Chain(
                "careful",
                "",
                "",
                NONE,
                first=careful(right),
                nodes=[fail_if_asked(), reply(right, "Did: {{ $json.content }}")],
            ),
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


def started(used: dict[str, Any], prefix: str, **parameters: Any) -> dict[str, Any]:
    """By messages of visitors in conversations whose ids begin so."""
    return trigger(used, options={"prefix": prefix}, **parameters)


def careful(used: dict[str, Any]) -> dict[str, Any]:
    """Acknowledged when the execution succeeded."""
    return started(used, "careful.", acknowledge="success", lease=60)


def reply(used: dict[str, Any], content: str = "{{ $json.content }}") -> dict[str, Any]:
    """The answer, into the conversation that the item is of."""
    node = chat_node("Reply", used, "message", "send", content=f"={content}")
    node["parameters"]["conversation"] = "={{ $('Trigger').first().json.conversation }}"
    return node


def code(name: str, program: str) -> dict[str, Any]:
    return {"name": name, "type": "n8n-nodes-base.code", "typeVersion": 2, "parameters": {"jsCode": program}}


def counted() -> dict[str, Any]:
    """One item that says how many there were."""
    return code("Count", "return [{ json: { content: `${$input.all().length} messages` } }];")


def fail_if_asked() -> dict[str, Any]:
    return code("Work", "if ($json.content === 'fail') throw new Error('as asked'); return $input.all();")


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


def replies(fresh: Fresh, conversation: str, messages: int, limit: float = 60.0) -> list[tuple[str, str]]:
    """The log, once it has so many messages."""
    end = time.monotonic() + limit
    while len(found := fresh.service.messages(conversation)) < messages:
        assert time.monotonic() < end, f"{conversation}: {found} after {limit:.0f} s"
        time.sleep(0.02)
    return found


def test_a_message_starts_the_workflow_whose_reply_is_in_the_log(fresh: Fresh) -> None:
    subscribed(fresh)
    fresh.service.push("echo.warm", "hello", role="user")
    assert replies(fresh, "echo.warm", 2) == [("user", "hello"), ("assistant", "You said: hello")]
    taken = []
    for number in range(10):
        began = time.monotonic()
        fresh.service.push(f"echo.{number}", "hello", role="user")
        replies(fresh, f"echo.{number}", 2)
        taken.append(time.monotonic() - began)
    say(f"message → trigger → reply in the log: {median(taken):.2f} s (median), {max(taken):.2f} s at most")
    assert median(taken) < 2.0, "0.5 s on a machine that does nothing else"


def test_each_message_is_answered_once_and_with_acknowledgement_on_success_in_order(fresh: Fresh) -> None:
    subscribed(fresh)
    for chain, said in (("echo", "You said: "), ("careful", "Did: ")):
        for number in range(5):
            fresh.service.push(f"{chain}.order", str(number), role="user")
        found = replies(fresh, f"{chain}.order", 10)
        answers = [text for role, text in found if role == "assistant"]
        # Acknowledged on start, executions of one conversation may overlap.
        assert (answers if chain == "careful" else sorted(answers)) == [f"{said}{number}" for number in range(5)]
    time.sleep(1.0)  # as long as a reply takes: its own replies start nothing
    assert [len(fresh.service.messages(f"{chain}.order")) for chain in ("echo", "careful")] == [10, 10]


def test_a_batch_is_one_execution(fresh: Fresh) -> None:
    subscribed(fresh)
    fresh.service.push("batch.a", "one", role="user")
    replies(fresh, "batch.a", 2)
    for word in ("two", "three", "four"):
        fresh.service.push("batch.a", word, role="user")
    end = time.monotonic() + 60
    while sum(int(text.split()[0]) for role, text in fresh.service.messages("batch.a") if role == "assistant") < 4:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_message_whose_execution_fails_is_given_again_and_holds_up_no_other_conversation(fresh: Fresh) -> None:
    subscribed(fresh)
    fresh.service.push("careful.bad", "fail", role="user")
    fresh.service.push("careful.good", "work", role="user")
    assert replies(fresh, "careful.good", 2)[1] == ("assistant", "Did: work")
    end = time.monotonic() + 60
    while fresh.n8n.runs(fresh.careful, "error") < 2:
        assert time.monotonic() < end, "it was not given again"
        time.sleep(0.2)


def subscribed(fresh: Fresh, limit: float = 60.0) -> None:
    """Wait until the published triggers have their subscriptions."""
    end = time.monotonic() + limit
    while True:
        path, key = "/v1/subscriptions", f"Bearer {fresh.service.key}"
        found = call(fresh.service.port, "GET", path, authorization=key).body["subscriptions"]
        names = {one["name"] for one in found if not one["paused"]}
        if {f"n8n.{chain.id}.{chain.id}-0" for chain in (fresh.echo, fresh.batch, fresh.careful)} <= names:
            return
        assert time.monotonic() < end, names
        time.sleep(0.2)
