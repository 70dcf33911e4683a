"""A hub over a feed in virtual time, and subscribers that read as fast as a test lets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from umbral_chat._core.conversations.draft_pieces import Piece, put
from umbral_chat.context import Services
from umbral_chat.drafts import Drafts
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.entries import Sender
from umbral_chat.model.receipts import Receipt
from umbral_chat.providers.auth import Principal
from umbral_chat.settings import Cache, Realtime
from umbral_chat_streaming.hub import Closed, Hub, Opening, Subscription
from umbral_chat_streaming.settings import Streaming

from core.tests.feed.rig import Rig

KEY = Principal(kind="key", subject="key:n8n", rights=frozenset({"read", "send"}))
ASSISTANT = Sender(role="assistant")

Event = dict[str, Any]


@dataclass(frozen=True)
class Lines:
    """One JSON value a line: what a test reads back."""

    name: str = "lines"

    def entries(self, conversation: str, epoch: str, entries: Sequence[EncodedEntry]) -> bytes:
        return b"".join(
            b'{"cursor":"%s.%d","entry":%s}\n' % (epoch.encode(), entry.seq, entry.json) for entry in entries
        )

    def signal(self, conversation: str, signal: bytes) -> bytes:
        return b'{"signal":%s}\n' % signal

    def status(self, conversation: str, status: bytes) -> bytes:
        return b'{"status":%s}\n' % status

    def heartbeat(self) -> bytes:
        return b'{"beat":true}\n'


LINES = Lines()


class Client:
    """A sink whose connection takes `room` frames and then no more until `read`."""

    def __init__(self, form: Lines = LINES) -> None:
        self.format = form
        self.room: float = float("inf")
        self.frames: list[bytes] = []
        self.closed: Closed | None = None
        self.gone: Exception | None = None
        self._waiting: asyncio.Event = asyncio.Event()
        self._suspended = False

    def write(self, frame: bytes) -> bool:
        assert self.closed is None, "written after the end"
        assert not self._suspended, "written to while it does not keep up"
        assert frame
        self.frames.append(frame)
        self.room -= 1
        if self.room <= 0 or self.gone is not None:
            self._suspended = True
            self._waiting.clear()
            return False
        return True

    async def drained(self) -> None:
        if self.gone is not None:
            raise self.gone
        await self._waiting.wait()
        if self.gone is not None:
            raise self.gone

    def close(self, status: Closed) -> None:
        assert self.closed is None
        self.closed = status

    def read(self, room: float = float("inf")) -> None:
        """The client reads on."""
        self.room = room
        self._suspended = False
        self._waiting.set()

    def leave(self, error: Exception) -> None:
        self.gone = error
        self._waiting.set()

    @property
    def events(self) -> list[Event]:
        return [msgspec.json.decode(line) for frame in self.frames for line in frame.splitlines()]

    @property
    def seqs(self) -> list[int]:
        return [event["entry"]["seq"] for event in self.events if "entry" in event]

    @property
    def signals(self) -> list[Event]:
        return [event["signal"] for event in self.events if "signal" in event]

    @property
    def statuses(self) -> list[Event]:
        return [event["status"] for event in self.events if "status" in event]

    @property
    def drafts(self) -> dict[str, str]:
        """The drafts as a client of the protocol has them."""
        known: dict[str, str] = {}
        for signal in self.signals:
            if signal["signal"] == "draft":
                if signal.get("ended"):
                    known.pop(signal["message_id"], None)
                else:
                    before = known.get(signal["message_id"], "")
                    assert signal["offset"] <= len(before), "a piece past what is known"
                    known[signal["message_id"]] = before[: signal["offset"]] + signal["text"]
        return known


class Access:
    """Who may read: everyone, until `error` is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    async def authorize(self, principal: Principal, right: str, conversation: str) -> Principal:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return principal


@dataclass
class Toggle:
    state: Any = field(default_factory=lambda: SimpleNamespace(enabled=True))
    listeners: list[Any] = field(default_factory=list)

    def on_change(self, listener: Any) -> None:
        self.listeners.append(listener)

    def switch(self, *, enabled: bool) -> None:
        self.state = SimpleNamespace(enabled=enabled)
        for listener in self.listeners:
            listener(self.state)


class HubRig(Rig):
    """One instance with its hub."""

    def __init__(self, settings: Streaming, *, readers: int = 100, keep: int = 200) -> None:
        super().__init__(readers=readers, cache=Cache(entries=keep))
        self.writing = Drafts(self.clock, per_conversation=8, changed=self.feeds.touch_signals, publish=lambda _: None)
        self.access, self.toggle = Access(), Toggle()
        self.receipts: list[Receipt] = []
        self.delivery = SimpleNamespace(mode="polling")
        self.services = SimpleNamespace(
            base=SimpleNamespace(
                clock=self.clock, telemetry=self.telemetry, settings=SimpleNamespace(realtime=Realtime())
            ),
            feeds=self.feeds,
            drafts=self.writing,
            runs=SimpleNamespace(of=lambda _conversation: []),
            receipts=SimpleNamespace(of=lambda _conversation: list(self.receipts)),
            failover=self.delivery,
            toggle=self.toggle,
            lifecycle=self.lifecycle,
            access=self.access,
            presence=None,
        )
        self.hub = Hub(cast("Services", self.services), settings)

    async def open(self, after: Cursor = START, principal: Principal = KEY, conversation: str = "room") -> Opening:
        return await self.hub.open(principal, conversation, after, edge="sse")

    async def stream(
        self, after: Cursor = START, principal: Principal = KEY, *, room: float = float("inf"), form: Lines = LINES
    ) -> tuple[Client, Subscription]:
        client = Client(form)
        client.room = room
        return client, (await self.open(after, principal)).start(client)

    def draft(self, text: str, *, offset: int = 0, message_id: str = "answer") -> None:
        known = self.writing.get("room", message_id)
        text_so_far = known.text if known is not None else ""
        replace = offset < len(text_so_far)
        piece = Piece("room", message_id, offset, text, ASSISTANT, "key:n8n", trusted=True, replace=replace)
        if known is None or replace:
            self.writing.hold(piece, put(text_so_far, piece, limit=32_000), fence=1)
        else:
            self.writing.piece(piece, limit=32_000)

    def at(self, seq: int) -> Cursor:
        return Cursor(self.log.epoch, seq)


@asynccontextmanager
async def instance(settings: Streaming | None = None, *, readers: int = 100, keep: int = 200) -> AsyncIterator[HubRig]:
    """A HubRig whose feeds run; its streams are left at the end."""
    rig = HubRig(settings or Streaming(), readers=readers, keep=keep)
    running = asyncio.create_task(rig.feeds.run(), name="feeds")
    try:
        yield rig
    finally:
        for subscription in list(rig.hub.subscriptions()):
            subscription.end()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rig.feeds.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert rig.feeds.readers.count == 0
        assert rig.feeds.waited_on == []
        assert len(rig.hub) == 0
