"""The shipped workflows that are made for the bridge, and two that are started by the service, in a real n8n."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from n8n.e2e.harness.agent import MODEL_CREDENTIAL, model_credential, streaming_model
from n8n.e2e.harness.copies import Copy, Credential, node_of, settings, webhook_credential
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.server import N8n, n8n_server
from n8n.e2e.harness.service import UmbralChat, umbral_chat
from n8n.e2e.harness.web import call, until
from tests.ports import free_port


def with_the_model(workflow: dict[str, Any]) -> None:
    node_of(workflow, "Model")["credentials"] = {"openAiApi": MODEL_CREDENTIAL}


class Stage(NamedTuple):
    service: UmbralChat
    n8n: N8n
    kept: Path
    """Where transcripts go."""
    agent: Copy
    over: Copy
    transcript: Copy
    realtime: Copy


@pytest.fixture(scope="module")
def it(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("bridge-workflows")
    logs, kept, port = folder / "logs", folder / "kept", free_port()
    kept.mkdir()
    with ExitStack() as running:
        model = running.enter_context(streaming_model())
        none = Credential("none", "none", "none")
        agent = Copy("agent-bridge", "agent-behind-the-bridge.json", "", none, with_the_model)
        over_path = "/webhook/e2e-hand-over/chat"
        chats = {
            "agent": {"webhook_url": f"http://127.0.0.1:{port}{agent.path}"},
            "over": {"webhook_url": f"http://127.0.0.1:{port}{over_path}"},
        }
        command = request.config.getoption("--umbral-chat")
        service = running.enter_context(
            umbral_chat(command, folder, logs / "umbral-chat.log", N8N__CHATS=json.dumps(chats))
        )
        right = Credential("e2eRightKey00001", "Umbral Chat key", service.key)
        over = Copy("hand-over", "hand-over.json", service.url, right)
        transcript = Copy("transcript", "transcript-when-closed.json", service.url, right, settings(folder=str(kept)))
        realtime = Copy("realtime-off", "realtime-off.json", service.url, right)
        url = f"http://127.0.0.1:{port}{transcript.path}"
        secret = service.subscribe("closed", url, filter={"prefix": "kept.", "kinds": ["update"]})
        credentials = [right.exported(), model_credential(model), webhook_credential(secret, "closed")]
        copies = [agent, over, transcript, realtime]
        allowed = {"N8N_RESTRICT_FILE_ACCESS_TO": str(kept)}
        n8n = running.enter_context(
            n8n_server(ensure_installed(), folder / "n8n", logs, credentials, copies, port, settings=allowed)
        )
        ready = Stage(service, n8n, kept, agent, over, transcript, realtime)
        until_relaying(ready)
        yield ready


def until_relaying(it: Stage) -> None:
    """On a new store the bridge begins with what is written once its consumers run."""
    for chat in ("agent", "over"):
        for number in range(20):
            it.service.push(f"{chat}:warm-{number}", "hello", "user")
            try:
                it.service.until(f"{chat}:warm-{number}", 2, limit=6.0)
            except AssertionError:
                continue
            break
        else:
            raise AssertionError(f"{chat}: the bridge relays nothing")


def test_an_agent_with_a_failing_tool_leaves_two_entries_and_no_text_is_lost(it: Stage) -> None:
    it.service.push("agent:fails", "order x1", "user")
    found = it.service.until("agent:fails", 3)
    assert found[:2] == [("user", "order x1"), ("assistant", "Let me look that up.")]
    role, answer = found[2]
    assert role == "assistant"
    assert answer.startswith("The tool said: ")
    assert "digits only" in answer
    assert it.n8n.last_run(it.agent) == "success"
    until(lambda: not it.service.call("GET", "agent:fails/events?after=0").body["runs"], "the run ends")
    assert it.service.messages("agent:fails") == found


def test_an_agent_with_a_tool_that_works_is_seen_growing_by_a_stream_while_n8n_goes_on(it: Stage) -> None:
    it.service.push("agent:works", "hello", "user")
    it.service.until("agent:works", 2)
    events: list[dict[str, Any]] = []
    reader = threading.Thread(target=follow, args=(it, "agent:works", "Order 17", events), daemon=True)
    reader.start()
    it.service.push("agent:works", "order 17", "user")
    found = it.service.until("agent:works", 5)
    assert found[-2] == ("assistant", "Let me look that up.")
    assert found[-1][1].startswith("The tool said: ")
    assert "Order 17 was sent yesterday." in found[-1][1]
    reader.join(timeout=60)
    entry = events[-1]
    grown = [event for event in events if event.get("message_id") == entry["message_id"] and "offset" in event]
    assert len(grown) > 1, "the answer was seen before it was whole"
    assert grown[0]["text"].startswith("The")


def follow(it: Stage, conversation: str, last: str, events: list[dict[str, Any]]) -> None:
    """The data of a stream's events, until an entry with this text."""
    request = urllib.request.Request(  # noqa: S310 - our own loopback URL
        f"{it.service.url}/v1/conversations/{conversation}/stream",
        headers={"Authorization": f"Bearer {it.service.key}"},
    )
    with urllib.request.urlopen(request, timeout=60) as stream:  # noqa: S310 - our own loopback URL
        for line in stream:
            if line.startswith(b"data: "):
                events.append(json.loads(line.removeprefix(b"data: ")))
                if last in events[-1].get("content", ""):
                    return


def test_a_workflow_hands_over_by_one_node_and_is_silent_until_it_is_given_back(it: Stage) -> None:
    it.service.push("over:ada", "Where is it?", "user")
    it.service.until("over:ada", 2)
    it.service.push("over:ada", "I want a human!", "user")
    said = [("user", "I want a human!"), ("assistant", "A colleague will be with you in a moment.")]
    assert it.service.until("over:ada", 4)[2:] == said
    until(lambda: it.service.call("GET", "over:ada").body["responder"] == "human", "it is handed over")
    assert it.n8n.last_run(it.over) == "success"
    it.service.push("over:ada", "Hello?", "user")
    it.service.push("over:ada", "This is Olga.", "agent")
    time.sleep(3.0)
    assert it.service.messages("over:ada")[4:] == [("user", "Hello?"), ("agent", "This is Olga.")]
    back = it.service.call("PATCH", "over:ada", {"responder": "assistant"})
    assert back.status == 200, back
    it.service.push("over:ada", "And now?", "user")
    assert it.service.until("over:ada", 8)[-1] == ("assistant", "You said: And now?")
    runs = [entry for entry in it.service.log("over:ada") if entry["kind"] == "run"]
    assert all(run["outcome"] != "failed" for run in runs), runs


def test_what_is_closed_is_kept_as_a_file_and_no_other_change_is(it: Stage) -> None:
    it.service.push("kept.order-1", "Where is it?", "user")
    it.service.push("kept.order-1", "On its way.", "assistant")
    assert it.service.call("PATCH", "kept.order-1", {"title": "A parcel"}).status == 200
    assert it.service.call("PATCH", "kept.order-1", {"status": "closed"}).status == 200
    file = it.kept / "kept.order-1.md"
    until(file.exists, "the transcript is written")
    until(lambda: "On its way." in file.read_text(), "it is whole")
    assert "Where is it?" in file.read_text()
    assert it.n8n.last_run(it.transcript) == "success"
    assert [each.name for each in it.kept.iterdir()] == ["kept.order-1.md"]


def test_an_alarm_switches_realtime_off_and_on(it: Stage) -> None:
    def alarm(body: object, key: str = it.service.key) -> Any:
        return call(it.n8n.port, "POST", it.realtime.path, body, authorization=f"Bearer {key}")

    def enabled() -> bool:
        found = call(it.service.port, "GET", "/v1/admin/realtime", authorization=f"Bearer {it.service.key}")
        return bool(found.body["enabled"])

    assert enabled()
    assert alarm({}, "not-the-key").status == 403
    assert enabled()
    off = alarm({})
    assert (off.status, off.body["enabled"]) == (200, False)
    assert not enabled()
    it.service.push("over:polled", "Still there?", "user")
    assert it.service.until("over:polled", 2)[-1] == ("assistant", "You said: Still there?")
    assert alarm({"enabled": True}).body["enabled"] is True
    assert enabled()
