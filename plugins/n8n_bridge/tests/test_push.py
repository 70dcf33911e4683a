"""Push mode: what the unmodified widget does, on a running service in front of a double of n8n."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from umbral_chat.model.entries import Message, Sender
from umbral_chat_n8n_bridge.push import socket as push_socket
from umbral_chat_n8n_bridge.push.frames import ACKNOWLEDGED, CONTINUE, HEARTBEAT, PushedFrames
from umbral_chat_n8n_bridge.relay.ledger import RunRecord
from umbral_chat_n8n_bridge.settings import ChatSettings

from .answers.reading import line
from .answers.test_buttons import message
from .n8n import Reply
from .rig import Rig, rig
from .test_gateway import PAGE, ROOM, SESSION, ask, lines_of


class Widget:
    """A widget with its socket open."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def next(self) -> str:
        """The next frame but heartbeats, which are acknowledged; or `closed` and the code."""
        while True:
            message = await asyncio.wait_for(self.received.get(), 30)
            if message["type"] == "websocket.close":
                return f"closed {message['code']}"
            if message["text"] != HEARTBEAT:
                return str(message["text"])
            await self.frame(ACKNOWLEDGED)

    async def frame(self, text: str) -> None:
        await self.sent.put({"type": "websocket.receive", "text": text})

    async def say(self, text: str, **more: Any) -> None:
        body = {"sessionId": SESSION, "action": "sendMessage", "chatInput": text, "files": [], **more}
        await self.frame(json.dumps(body))


@asynccontextmanager
async def socket(it: Rig, token: str, *, session: str = SESSION, origin: str | None = None) -> AsyncIterator[Widget]:
    """The socket that the widget opens; a refusal raises."""
    widget = Widget()
    opened = asyncio.Event()
    query = {"sessionId": session, "executionId": "1", "isPublic": "true", "token": token}

    async def send(message: Any) -> None:
        if message["type"] == "websocket.accept":
            opened.set()
        else:
            await widget.received.put(message)

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/chat",
        "raw_path": b"/chat",
        "query_string": urlencode(query).encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")] + ([(b"origin", origin.encode())] if origin else []),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "subprotocols": [],
        "state": {},
    }
    await widget.sent.put({"type": "websocket.connect"})
    serving = asyncio.ensure_future(it.client.app(cast("Any", scope), cast("Any", widget.sent.get), cast("Any", send)))
    opening = asyncio.ensure_future(opened.wait())
    try:
        await asyncio.wait({serving, opening}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
        if not opened.is_set():
            refused = widget.received.get_nowait()
            raise PermissionError(f"{refused['type']} {refused.get('code')}")
        yield widget
        await widget.sent.put({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(serving, 30)
    finally:
        opening.cancel()
        serving.cancel()
        await asyncio.gather(serving, opening, return_exceptions=True)


async def started(it: Rig, text: str = "hi", **more: Any) -> str:
    """The token that a POST is answered with."""
    answer = await ask(it, text, **more)
    assert answer.status_code == 200
    found = answer.json()
    assert found["executionStarted"] is True
    assert found["executionId"]
    return str(found["resumeToken"])


async def test_answers_agents_and_later_pushes_appear(tmp_path: Path) -> None:
    async with rig(tmp_path, push=True) as it:
        async with socket(it, await started(it)) as widget:
            assert await widget.next() == "echo:hi"
            await it.say("This is Ada of the shop.", ROOM, sender={"role": "agent", "id": "desk-1"})
            assert await widget.next() == "This is Ada of the shop."
            await it.say("n8n|heartbeat", ROOM, sender={"role": "assistant"})
            assert await widget.next() == " n8n|heartbeat"
            await widget.say("and now?")
            assert await widget.next() == "echo:and now?"
            # Another tab's question is the visitor's own, which no frame can show.
            await it.say("from another tab", ROOM)
            assert await widget.next() == "echo:from another tab"
        assert it.n8n.asked() == ["hi", "and now?", "from another tab"]
        assert [one["sender"]["role"] for one in await it.log(ROOM)].count("user") == 3


async def test_buttons_are_frames_as_n8n_sent_them(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.whole({"output": message()})

    async with rig(tmp_path, script, push=True) as it, socket(it, (await ask(it)).json()["resumeToken"]) as widget:
        assert await widget.next() == message()


async def test_the_pages_metadata_is_that_of_each_message(tmp_path: Path) -> None:
    async with rig(tmp_path, push=True) as it:
        token = await started(it, body={"metadata": {"page": "/pricing", "umbral_run": "forged"}})
        async with socket(it, token) as widget:
            assert await widget.next() == "echo:hi"
            await widget.say("more")
            assert await widget.next() == "echo:more"
        assert [call["metadata"]["page"] for call in it.n8n.calls] == ["/pricing", "/pricing"]


async def test_a_message_that_is_being_written_is_announced(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "Let me look."), line("end"))
        await reply.lines(line("begin"), line("item", "It is "))
        await more.wait()
        await reply.lines(line("item", "here"), line("end"))
        await reply.end()

    async with rig(tmp_path, script, push=True) as it, socket(it, await started(it)) as widget:
        assert await widget.next() == "Let me look."
        assert await widget.next() == CONTINUE
        more.set()
        assert await widget.next() == "It is here"


@pytest.mark.parametrize("why", ["failed", "human"])
async def test_without_an_answer_there_is_a_notice(tmp_path: Path, why: str) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.whole({"message": "Error in workflow"}, 500)

    async with rig(tmp_path, script, push=True, failure_notice="Oh no.", human_notice="A person answers.") as it:
        if why == "human":
            await it.client.post("/v1/conversations", json={"id": ROOM})
            await it.client.patch(f"/v1/conversations/{ROOM}", json={"responder": "human"})
        async with socket(it, await started(it)) as widget:
            expected = "Oh no." if why == "failed" else "A person answers."
            assert await widget.next() == expected
            await widget.say("again")
            assert await widget.next() == expected


async def test_a_token_opens_one_socket_of_its_session(tmp_path: Path) -> None:
    async with rig(tmp_path, push=True, origins=[PAGE]) as it:
        for given in ({"token": "guessed"}, {"session": "another"}, {"origin": "https://evil.example"}):
            token = await started(it)
            with pytest.raises(PermissionError, match="1008"):
                async with socket(it, **{"token": token, **given}):
                    pass
        token = await started(it)
        async with socket(it, token, origin=PAGE) as widget:
            assert await widget.next() == "echo:hi"
            with pytest.raises(PermissionError, match="1008"):
                async with socket(it, token):
                    pass


async def test_what_comes_over_the_socket_is_held_to_the_limits(tmp_path: Path) -> None:
    async with rig(tmp_path, push=True, session_per_minute=2, message_chars=20) as it:
        async with socket(it, await started(it)) as widget:
            assert await widget.next() == "echo:hi"
            refused: list[tuple[str, dict[str, Any], str]] = [
                ("x" * 21, {}, "The message is too long."),
                (" ", {}, "The message is empty."),
                ("a", {"files": [{"name": "a.txt"}]}, "Files are not taken here."),
                ("a", {"sessionId": "other"}, "This is another session."),
                ("a", {"action": "loadPreviousSession"}, "Only messages are taken here."),
            ]
            for text, more, answer in refused:
                await widget.say(text, **more)
                assert await widget.next() == answer
            await widget.frame("no JSON")
            assert await widget.next() == "The request is not one of n8n's chat."
            await widget.say("two")
            assert await widget.next() == "echo:two"
            await widget.say("three")
            assert await widget.next() == "Too many messages. Please wait a moment."
        assert it.n8n.asked() == ["hi", "two"]


async def test_without_a_place_the_answer_comes_with_the_request(tmp_path: Path) -> None:
    async with rig(tmp_path, push=True, sockets=1) as it, socket(it, await started(it)) as widget:
        assert await widget.next() == "echo:hi"
        assert (await ask(it, "more")).json() == {"output": "echo:more"}
        # A streaming widget opens no socket.
        lines = lines_of(await ask(it, "streamed", headers={"accept": "text/plain"}))
        assert [one.get("content") for one in lines] == [None, "echo:streamed", None]


async def test_a_widget_that_is_gone_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_socket, "HEARTBEAT_EVERY", 0.05)
    async with rig(tmp_path, push=True) as it, socket(it, await started(it)) as widget:
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["type"] != "websocket.close":
            frames.append(await asyncio.wait_for(widget.received.get(), 30))
        assert frames[-1]["code"] == 1008
        assert [one.get("text") for one in frames].count(HEARTBEAT) == push_socket.UNACKNOWLEDGED


async def test_there_is_no_socket_where_no_chat_pushes(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        assert (await ask(it)).json() == {"output": "echo:hi"}
        with pytest.raises(PermissionError):
            async with socket(it, "any"):
                pass


def test_a_widget_is_not_left_waiting() -> None:
    frames = PushedFrames(ChatSettings(webhook_url="https://n8n.example/webhook/a/chat"), 1)
    assert not frames.stuck
    assert frames.writing() == []  # it waits already
    assert frames.message(said(2, "Let me look.")) == ["Let me look."]
    assert frames.writing() == [CONTINUE]
    assert frames.writing() == []
    assert frames.ended(1, RunRecord(state="over", outcome="completed")) == []
    # What was being written does not come: its socket is closed.
    assert frames.stuck
    assert frames.message(said(3, "It came.")) == ["It came."]
    assert not frames.stuck


def test_an_answer_that_is_quicker_than_its_question() -> None:
    frames = PushedFrames(ChatSettings(webhook_url="https://n8n.example/webhook/a/chat"), 1)
    frames.message(said(2, "first"))
    frames.ended(1, RunRecord(state="over"))
    assert frames.message(said(4, "to the third")) == ["to the third"]
    frames.ask(3)
    assert frames.ended(3, RunRecord(state="over", outcome="completed")) == []
    assert not frames.stuck


def said(seq: int, text: str) -> Message:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Message(seq=seq, at=at, sender=Sender("assistant"), message_id=f"m{seq}", content=text)
