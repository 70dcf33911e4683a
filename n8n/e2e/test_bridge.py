"""The bridge before a real n8n: workflows that know nothing of it, by the widget's protocol and by plain sends."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest
from websockets.sync.client import connect

from n8n.e2e.harness.bridged import FAILING, FILING, LAST_NODE, PAUSE, STREAMING, bridged
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.server import N8n, n8n_server
from n8n.e2e.harness.service import UmbralChat, umbral_chat
from n8n.e2e.harness.web import call

SESSION = "225e443b-41a0-4f3d-b323-218589bd1163"
CHATS = {
    "whole": bridged("bridged-whole", LAST_NODE),
    "stream": bridged("bridged-stream", STREAMING, streams=True),
    "filing": bridged("bridged-filing", FILING),
    "failing": bridged("bridged-failing", FAILING),
    "failing-stream": bridged("bridged-failing-stream", FAILING, streams=True),
}


class Bridged(NamedTuple):
    service: UmbralChat
    n8n: N8n


@pytest.fixture(scope="module")
def it(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridged]:
    folder: Path = tmp_path_factory.mktemp("bridge")
    logs = folder / "logs"
    with ExitStack() as running:
        n8n = running.enter_context(n8n_server(ensure_installed(), folder / "n8n", logs, [], list(CHATS.values())))
        chats: dict[str, dict[str, Any]] = {name: {"webhook_url": n8n.url + chat.path} for name, chat in CHATS.items()}
        chats["filing"]["files"] = "pass"
        # The same workflow, which knows nothing of it.
        chats["pushing"] = {**chats["whole"], "push": True}
        command = request.config.getoption("--umbral-chat")
        service = running.enter_context(
            umbral_chat(command, folder, logs / "umbral-chat.log", N8N__CHATS=json.dumps(chats))
        )
        ready = Bridged(service, n8n)
        until_relaying(ready)
        yield ready


def until_relaying(it: Bridged, limit: float = 60.0) -> None:
    """On a new store the bridge begins with what is written once it is up, a moment after the service is ready: write
    until something is answered."""
    end = time.monotonic() + limit
    for number in count():
        it.service.push(f"whole:warm-{number}", "hello", "user")
        if len(texts_of(it, f"whole:warm-{number}", 2, limit=5.0)) == 2:
            return
        assert time.monotonic() < end, "the bridge relays nothing"


def texts_of(it: Bridged, conversation: str, wanted: int, limit: float = 60.0) -> list[tuple[str, str]]:
    """Role and text of the entries, once there are so many."""
    end = time.monotonic() + limit
    while True:
        log = it.service.log(conversation)
        if len(log) >= wanted or time.monotonic() > end:
            return [(one["sender"]["role"], one.get("content") or one.get("outcome", "")) for one in log]
        time.sleep(0.1)


def message(text: str) -> dict[str, Any]:
    return {"action": "sendMessage", "sessionId": SESSION, "chatInput": text}


def streamed(it: Bridged, chat: str, text: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """The lines of a streamed answer, with the seconds after which each came."""
    request = urllib.request.Request(  # noqa: S310 - our own loopback URL
        f"{it.service.url}/n8n/{chat}/chat",
        json.dumps(message(text)).encode(),
        {"Content-Type": "application/json", "Accept": "text/plain"},
    )
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own loopback URL
        for line in answer:
            if line.strip():
                yield time.monotonic() - began, json.loads(line)


def test_a_plain_send_is_answered_by_the_last_node(it: Bridged) -> None:
    it.service.push("whole:plain", "hello", "user")
    assert texts_of(it, "whole:plain", 2) == [("user", "hello"), ("assistant", "You said: hello (plain)")]
    assert it.n8n.last_run(CHATS["whole"]) == "success"


def test_the_widget_is_answered_and_has_a_history(it: Bridged) -> None:
    answer = call(it.service.port, "POST", "/n8n/whole/chat", message("hi"))
    assert (answer.status, answer.body) == (200, {"output": f"You said: hi ({SESSION})"})
    loaded = call(
        it.service.port, "POST", "/n8n/whole/chat", {"action": "loadPreviousSession", "sessionId": SESSION}
    ).body
    found = [(one["id"][-1], one["kwargs"]["content"]) for one in loaded["data"]]
    assert found == [("HumanMessage", "hi"), ("AIMessage", f"You said: hi ({SESSION})")]


def test_a_plain_send_gets_each_streamed_message_while_the_workflow_goes_on(it: Bridged) -> None:
    it.service.push("stream:plain", "it", "user")
    assert texts_of(it, "stream:plain", 2) == [("user", "it"), ("assistant", "Let me look for it.")]
    state = it.service.call("GET", "stream:plain/events?after=0").body
    assert [run["run_id"] for run in state["runs"]], "the workflow waits"
    assert texts_of(it, "stream:plain", 3)[-1] == ("assistant", "Found it.")
    assert it.n8n.last_run(CHATS["stream"]) == "success"


def test_the_widget_sees_a_stream_grow(it: Bridged) -> None:
    lines = list(streamed(it, "stream", "it"))
    items = [(at, line["content"]) for at, line in lines if line["type"] == "item"]
    assert [text for _, text in items] == ["Let me look for it.", "Found it."]
    assert items[1][0] - items[0][0] > PAUSE / 2, "the first came while the workflow waited"
    assert texts_of(it, f"stream:{SESSION}", 3)[1:] == [
        ("assistant", "Let me look for it."),
        ("assistant", "Found it."),
    ]


def test_a_workflow_gets_a_visitors_files(it: Bridged) -> None:
    files = [
        ("files", ("empty.txt", b"", "text/plain")),
        ("files", ('Straße "7".txt', "äöü".encode(), "text/plain")),
    ]
    digest = sha256("äöü".encode()).hexdigest()
    answer = httpx.post(f"{it.service.url}/n8n/filing/chat", data=message("see"), files=files, timeout=60)
    assert answer.json() == {
        "output": f'see: empty.txt, Straße "7".txt; the second is {digest}; filing:{SESSION}',
    }
    entry = it.service.log(f"filing:{SESSION}")[0]
    assert [one["size"] for one in entry["metadata"]["attachments"]] == [0, 6]


@pytest.mark.parametrize("chat", ["failing", "failing-stream"])
def test_a_workflow_that_fails_is_shown_and_its_words_are_not(it: Bridged, chat: str) -> None:
    it.service.push(f"{chat}:plain", "hi", "user")
    assert texts_of(it, f"{chat}:plain", 2) == [("user", "hi"), ("assistant", "failed")]
    answer = call(it.service.port, "POST", f"/n8n/{chat}/chat", message("hi"))
    assert answer.status == 500
    assert answer.body == {"message": "Sorry, something went wrong. Please try again."}
    assert [line["type"] for _, line in streamed(it, chat, "hi")] == ["error"]
    assert "a secret of the workflow" not in json.dumps(it.service.log(f"{chat}:{SESSION}"))


def test_an_open_widget_gets_the_answer_an_agents_words_and_a_later_push(it: Bridged) -> None:
    started = call(it.service.port, "POST", "/n8n/pushing/chat", message("hi")).body
    assert started["executionStarted"] is True
    query = {"sessionId": SESSION, "executionId": started["executionId"], "isPublic": "true"}
    url = f"ws://127.0.0.1:{it.service.port}/chat?{urlencode(query | {'token': started['resumeToken']})}"
    with connect(url, proxy=None) as socket:

        def shown() -> str:
            while (frame := str(socket.recv(timeout=60))) == "n8n|heartbeat":
                socket.send("n8n|heartbeat-ack")
            return frame

        assert shown() == f"You said: hi ({SESSION})"
        it.service.push(f"pushing:{SESSION}", "This is Ada of the shop.", "agent")
        assert shown() == "This is Ada of the shop."
        socket.send(json.dumps({**message("and now?"), "files": []}))
        assert shown() == f"You said: and now? ({SESSION})"
        it.service.push(f"pushing:{SESSION}", "Your parcel is here.", "assistant")
        assert shown() == "Your parcel is here."
    assert it.n8n.last_run(CHATS["whole"]) == "success"
