"""A transport that does what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from umbral_chat.model.signals import Signal
from umbral_chat.providers.transport import StateChanged, StateName, TransportEvent, TransportState

DAWN = datetime(2026, 1, 1, tzinfo=UTC)


class ScriptedTransport:
    """Becomes live when it is started unless told otherwise, and counts what is asked of it."""

    def __init__(self, name: str = "pushing", rank: int = 10) -> None:
        self.name, self.rank = name, rank
        self.state = TransportState("off", "not started", DAWN)
        self.becomes: StateName = "live"
        self.start_failure: BaseException | None = None
        self.stop_failure: BaseException | None = None
        self.start_takes = self.stop_takes = 0.0
        self.starts = self.stops = 0
        self.busy = 0
        self.published: list[Signal] = []
        self.publish_takes = 0.0
        self.publish_failure: Exception | None = None
        self.watched: list[str] = []
        self._events: asyncio.Queue[TransportEvent | BaseException | None] = asyncio.Queue()

    async def start(self) -> None:
        assert not self.busy, "started or stopped twice at once"
        self.busy += 1
        try:
            await asyncio.sleep(self.start_takes)
            self.starts += 1
            if self.start_failure is not None:
                raise self.start_failure
            self._events = asyncio.Queue()
            self.become(self.becomes)
        finally:
            self.busy -= 1

    async def stop(self) -> None:
        assert not self.busy, "started or stopped twice at once"
        self.busy += 1
        try:
            await asyncio.sleep(self.stop_takes)
            self.stops += 1
            self.state = TransportState("off", "stopped", DAWN)
            self._events.put_nowait(None)
            if self.stop_failure is not None:
                raise self.stop_failure
        finally:
            self.busy -= 1

    async def publish(self, signal: Signal) -> None:
        await asyncio.sleep(self.publish_takes)
        if self.publish_failure is not None:
            raise self.publish_failure
        self.published.append(signal)

    def watch(self, conversation: str) -> None:
        self.watched.append(conversation)

    def unwatch(self, conversation: str) -> None:
        self.watched.remove(conversation)

    def become(self, state: StateName, reason: str = "so it was told") -> None:
        self.state = TransportState(state, reason, DAWN)
        self.put(StateChanged(self.state))

    def put(self, event: TransportEvent) -> None:
        self._events.put_nowait(event)

    def break_(self, error: BaseException) -> None:
        """Its events raise."""
        self._events.put_nowait(error)

    def end(self) -> None:
        """Its events end, though nobody stopped it."""
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[TransportEvent]:
        events = self._events
        while (event := await events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event


class RestingTransport(ScriptedTransport):
    """One that can stand by."""

    def __init__(self) -> None:
        super().__init__("polling", 0)
        self.rests: list[bool] = []

    def stand_by(self, standing: bool) -> None:
        self.rests.append(standing)


__all__ = ["DAWN", "RestingTransport", "ScriptedTransport"]
