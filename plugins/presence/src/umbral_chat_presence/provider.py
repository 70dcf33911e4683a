"""The shell around the engine: the clock, delivery of notifications, and the methods that both providers share."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from umbral_chat.clock import Clock
from umbral_chat.errors import RequestError
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import RosterSignal, Signal
from umbral_chat.providers.presence import (
    DEVICE,
    PresenceLink,
    PresenceState,
    Renewal,
    Report,
    TypingNow,
    Viewer,
)

from umbral_chat_presence.metrics import PresenceCounters
from umbral_chat_presence.state.device_state import Instant, key_of
from umbral_chat_presence.state.engine import Engine

if TYPE_CHECKING:
    from datetime import datetime

    from umbral_chat.telemetry import Telemetry

TICK = 0.25
"""Seconds between two checks of the deadlines, while there are any: far below any time that people notice."""


class _Hold(AbstractContextManager[None]):
    """One hold of a device. An open stream has one as long as it lives, so it is smaller than a generator."""

    __slots__ = ("_conversation", "_device", "_held", "_key", "_presence")

    def __init__(self, presence: EnginePresence, conversation: str, key: str, device: str) -> None:
        self._presence = presence
        self._conversation = conversation
        self._key = key
        self._device = device
        self._held = False

    def __enter__(self) -> None:
        self._held = self._presence.hold(self._conversation, self._key, self._device)

    def __exit__(self, *_: object) -> None:
        if self._held:
            self._presence.release_hold(self._conversation, self._key, self._device)


class EnginePresence:
    """An engine as a `Presence`, without name, lifespan and other instances."""

    rank = 0

    def __init__(self, engine: Engine, clock: Clock, telemetry: Telemetry) -> None:
        self.bounds = engine.bounds
        """See `BoundsReports`."""
        self._engine = engine
        self._clock = clock
        self._link: PresenceLink | None = None
        self._busy = asyncio.Event()
        self._counters = PresenceCounters(telemetry, engine)

    def attach(self, link: PresenceLink) -> None:
        """See `Presence`."""
        self._link = link
        self._engine.rooms.epoch_of = link.epoch

    def report(self, conversation: str, report: Report) -> Renewal:
        """See `Presence`."""
        try:
            renewal = self._engine.report(conversation, report, self._now())
        except RequestError:
            self._counters.refused.value += 1
            raise
        self._counters.taken.value += 1
        self._deliver()
        return renewal

    def leave(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        """See `Presence`."""
        left = self._engine.leave(conversation, person, device, self._now())
        self._counters.left.value += left
        self._deliver()
        return left

    def renew(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        """See `Presence`."""
        key = key_of(person)
        if self._engine.rooms.find(conversation, key)[1] is None:
            return False
        renewed = self._engine.renew(conversation, key, device, self._now())
        self._deliver_pending()
        return renewed

    def holding(self, conversation: str, person: Sender, device: str = DEVICE) -> AbstractContextManager[None]:
        """See `Presence`."""
        return _Hold(self, conversation, key_of(person), device)

    def hold(self, conversation: str, key: str, device: str) -> bool:
        """Hold a device that is present; whether it was."""
        held = self._engine.hold(conversation, key, device, self._now())
        self._deliver()
        return held

    def release_hold(self, conversation: str, key: str, device: str) -> None:
        """End one hold of a device."""
        self._engine.release_hold(conversation, key, device, self._now())
        self._deliver()

    def typing(self, conversation: str, person: Sender, typing: bool, *, seconds: float | None = None) -> TypingNow:
        """See `Presence`."""
        now = self._engine.typing(conversation, person, typing, seconds, self._now())
        self._deliver()
        return now

    def state(self, conversation: str, viewer: Viewer) -> PresenceState:
        """See `Presence`."""
        state = self._engine.state(conversation, viewer, self._now())
        self._deliver_pending()
        return state

    async def settled(self, conversation: str) -> None:
        """See `Presence`."""

    def learn(self, signal: RosterSignal) -> None:
        """See `Presence`."""

    def wrote(self, conversation: str, sender: Sender, at: datetime | None = None) -> None:
        """See `Presence`."""
        self._engine.wrote(conversation, sender, None if at is None else _ms(at), self._now())
        self._deliver_pending()

    def forget(self, conversation: str) -> None:
        """See `Presence`."""
        self._engine.forget(conversation, self._now())
        self._deliver()

    async def tick(self) -> None:
        """Advance the engine every `TICK` seconds, until cancelled. Sleeps while the engine is idle."""
        while True:
            if self._idle:
                self._busy.clear()
                await self._busy.wait()
            await self._clock.sleep(TICK)
            self._engine.advance(self._now())
            self._deliver()

    def _deliver(self) -> None:
        """Publish the engine's signals and notify the readers of changed conversations."""
        notifications = self._engine.take_notifications()
        if not self._idle:
            self._busy.set()
        for signal in notifications.signals:
            self._publish(signal)
        if self._link is not None:
            for conversation in notifications.changed:
                self._link.changed(conversation)

    def _deliver_pending(self) -> None:
        """Deliver if anything is pending: most polls and sends change nothing, and `tick` delivers what is due."""
        if self._engine.has_pending or not self._busy.is_set():
            self._deliver()

    def _publish(self, signal: Signal) -> None:
        if self._link is not None:
            self._counters.signal(signal)
            self._link.publish(signal)

    @property
    def _idle(self) -> bool:
        """Whether the passage of time changes nothing."""
        return self._engine.idle

    def _now(self) -> Instant:
        return Instant(self._clock.monotonic(), _ms(self._clock.now()))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


__all__ = ["TICK", "EnginePresence"]
