"""Presence shared by all instances on one store: the store is authoritative, and signals only make it faster."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import UmbralChatError
from umbral_chat.model.depth import decode_bounded
from umbral_chat.model.signals import Mode, RosterSignal
from umbral_chat.providers.presence import PresenceState, Viewer

from umbral_chat_presence.provider import TICK, EnginePresence
from umbral_chat_presence.replication.heartbeats import HeartbeatTiming
from umbral_chat_presence.replication.peers import Peers
from umbral_chat_presence.replication.records import PresenceRecords
from umbral_chat_presence.replication.roster_reader import RosterReader
from umbral_chat_presence.replication.roster_schedule import RosterSchedule
from umbral_chat_presence.replication.roster_writer import RosterWriter
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state import roster as rosters
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.state.pseudonyms import KEY_BYTES, Pseudonyms
from umbral_chat_presence.waits import background_task, within

if TYPE_CHECKING:
    from umbral_chat.providers.store import SharedStore
    from umbral_chat.telemetry import Telemetry

log = logging.getLogger(__name__)

SIGNAL_BYTES = 4096
"""Most bytes of a roster in a signal. A longer one is stored first, then a signal says only that it changed."""

FINISH_TIMEOUT = 2.0
"""Seconds that storing the remaining rosters may take when the service stops."""


class SharedPresence(EnginePresence):
    """The people at all instances on this store. Each instance publishes the devices that it owns; all are merged."""

    name = "shared"

    def __init__(self, store: SharedStore, settings: PresenceSettings, clock: Clock, telemetry: Telemetry) -> None:
        self._names = Pseudonyms(secrets.token_bytes(KEY_BYTES))
        instance, timing = secrets.token_hex(6), HeartbeatTiming.of(settings)
        engine = Engine(settings, self._names, instance, self._is_known)
        super().__init__(engine, clock, telemetry)
        self._schedule = RosterSchedule()
        self._peers = Peers(timing)
        self._records = PresenceRecords(store, clock, instance)
        self._unsignalled_large: set[str] = set()
        """Conversations whose roster is too long for a signal, and which are signalled once it is stored."""
        self._mode: Mode | None = None
        parts = (clock, timing, self._counters)
        self._reader = RosterReader(engine, self._records, self._peers, *parts, now=self._now, on_change=self._deliver)
        self._writer = RosterWriter(
            engine,
            self._records,
            self._schedule,
            *parts,
            now=self._now,
            live=lambda: self._mode == "live",
            on_stored=self._roster_stored,
        )
        self.lifespan: AbstractAsyncContextManager[object] = self._run()

    def state(self, conversation: str, viewer: Viewer) -> PresenceState:
        """See `Presence`."""
        state = super().state(conversation, viewer)
        self._reader.ensure_known(conversation)
        return state

    async def settled(self, conversation: str) -> None:
        """See `Presence`."""
        self._engine.rooms.follow(conversation, self._now())
        await self._reader.settled(conversation)

    def learn(self, signal: RosterSignal) -> None:
        """See `Presence`."""
        if signal.instance == self._engine.instance:
            return
        now = self._now()
        self._peers.signal_received(signal.instance, now.elapsed)
        if not self._engine.rooms.is_relevant(signal.conversation):
            return
        if bytes(signal.roster) == b"null":
            self._reader.request(signal.conversation)
            return
        try:
            roster = decode_bounded(rosters.decoder, signal.roster)
        except (msgspec.MsgspecError, UnicodeError):
            return  # of another version, which also stores a roster that this one may be able to read
        self._engine.apply_roster(signal.conversation, signal.instance, signal.number, roster, now)
        self._deliver()

    def _is_known(self, conversation: str) -> bool:
        return self._reader.is_known(conversation)

    @property
    def _idle(self) -> bool:
        return super()._idle and not self._schedule.has_unsignalled

    def _deliver(self) -> None:
        super()._deliver()
        changes, now = self._engine.changes, self._now()
        if changes.dirty:
            for conversation, number in changes.dirty.items():
                self._schedule.mark_changed(conversation, number, now.elapsed)
                self._reader.ensure_known(conversation)
            changes.dirty.clear()
            self._writer.wake()
        for conversation, number in self._schedule.due_for_signal(now.elapsed):
            roster = msgspec.structs.replace(self._engine.roster(conversation, now), seen=[])
            encoded = rosters.encoder.encode(roster)
            if len(encoded) <= SIGNAL_BYTES:
                self._notify(conversation, number, encoded)
            elif self._schedule.is_stored(conversation):
                self._notify(conversation, number, b"null")
            else:
                self._unsignalled_large.add(conversation)
        if self._link is not None and self._mode != (mode := self._link.mode()):
            self._mode = mode
            self._reader.check_now()

    def _roster_stored(self, conversation: str, number: int) -> None:
        if conversation in self._unsignalled_large:
            self._unsignalled_large.discard(conversation)
            self._notify(conversation, number, b"null")

    def _notify(self, conversation: str, number: int, roster: bytes) -> None:
        self._publish(
            RosterSignal(
                conversation=conversation,
                instance=self._engine.instance,
                number=number,
                roster=msgspec.Raw(roster),
            )
        )

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        self._names.use(await self._records.pseudonym_key())
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(background_task(self._reader.run(TICK), "presence: reader"))
            stack.push_async_callback(self._finish)
            await stack.enter_async_context(background_task(self._writer.run(TICK), "presence: writer"))
            await stack.enter_async_context(background_task(self.tick(), "presence: time"))
            yield

    async def _finish(self) -> None:
        """Store the remaining rosters, so that other instances have them when this one stops."""
        try:
            await within(self._clock, FINISH_TIMEOUT, self._writer.finish())
        except (UmbralChatError, TimeoutError) as error:
            log.info("the last rosters were not stored: %s", error)


__all__ = ["FINISH_TIMEOUT", "SIGNAL_BYTES", "SharedPresence"]
