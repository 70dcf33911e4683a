"""RosterWriter: stores this instance's rosters and heartbeats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from umbral_chat.clock import Clock
from umbral_chat.errors import UmbralChatError
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_presence.metrics import PresenceCounters
from umbral_chat_presence.replication.heartbeats import INITIAL_BACKOFF, ChangeLog, HeartbeatTiming
from umbral_chat_presence.replication.records import PresenceRecords
from umbral_chat_presence.replication.roster_schedule import LIVE_DELAY, ROSTER_TTL, RosterSchedule
from umbral_chat_presence.state.device_state import Instant
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.waits import all_of

log = logging.getLogger(__name__)

CONCURRENCY = 8
"""Rosters written at the same time."""

HEARTBEAT_DELAY = 1.0
"""Least seconds between two heartbeats after a write of rosters: a heartbeat makes other instances read them."""

EXPIRY_CHECK_INTERVAL = 60.0
"""Seconds between two checks for stored rosters that are about to expire."""


class RosterWriter:
    """One task, which sleeps while nothing is to be stored and nobody is present.

    `now` returns the current time; `live` whether signals are pushed; `on_stored` is called for each stored roster.
    """

    def __init__(
        self,
        engine: Engine,
        records: PresenceRecords,
        schedule: RosterSchedule,
        clock: Clock,
        timing: HeartbeatTiming,
        counters: PresenceCounters,
        *,
        now: Callable[[], Instant],
        live: Callable[[], bool],
        on_stored: Callable[[str, int], None],
    ) -> None:
        self._engine = engine
        self._records = records
        self._schedule = schedule
        self._clock = clock
        self._timing = timing
        self._counters = counters
        self._now = now
        self._live = live
        self._on_stored = on_stored
        self._change_log = ChangeLog()
        self._last_heartbeat = self._last_check = float("-inf")
        self._heartbeat_due = False
        self._backoff = Backoff(initial=INITIAL_BACKOFF, maximum=timing.interval)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """A roster is to be stored."""
        self._wake.set()

    async def run(self, tick: float) -> None:
        """Store what is due every `tick` seconds, until cancelled."""
        while True:
            if not (self._schedule.has_unstored or self._heartbeat_due or self._engine.rooms.any_present):
                self._wake.clear()
                await self._wake.wait()
            failed = await self._turn()
            await self._clock.sleep(self._backoff.next() if failed else tick)

    async def finish(self) -> None:
        """Store all rosters that are not stored. Raises HistoryUnavailable."""
        await self._write_all(self._schedule.all_unstored())
        if self._heartbeat_due:
            await self._write_heartbeat()

    async def _turn(self) -> bool:
        try:
            await self._store_due()
        except UmbralChatError as error:
            log.debug("presence was not stored: %s", error)
        except Exception:
            # A third party's store may raise anything, and the next try may succeed.
            log.exception("presence was not stored")
        else:
            self._backoff.reset()
            return False
        self._counters.failed.value += 1
        return True

    async def _store_due(self) -> None:
        now = self._now().elapsed
        if now - self._last_check >= EXPIRY_CHECK_INTERVAL:
            self._last_check = now
            self._refresh_expiring(now)
        await self._write_all(self._schedule.due_for_store(now, delay=LIVE_DELAY if self._live() else 0.0))
        if self._heartbeat_due and self._now().elapsed - self._last_heartbeat >= HEARTBEAT_DELAY:
            await self._write_heartbeat()
        await self._heartbeat_if_due()

    async def _heartbeat_if_due(self) -> None:
        if self._engine.rooms.any_present and self._now().elapsed - self._last_heartbeat >= self._timing.interval:
            await self._write_heartbeat()

    def _refresh_expiring(self, now: float) -> None:
        for conversation in self._schedule.expiring(now):
            if self._engine.has_roster(conversation):
                self._engine.changes.mark(conversation)
            else:
                self._schedule.forget(conversation)

    async def _write_all(self, due: list[tuple[str, int]]) -> None:
        for start in range(0, len(due), CONCURRENCY):
            # However many rosters there are, and whichever fail, other instances must not take this one for dead.
            await self._heartbeat_if_due()
            await all_of(self._write(*one) for one in due[start : start + CONCURRENCY])

    async def _write(self, conversation: str, number: int) -> None:
        roster = self._engine.roster(conversation, self._now())
        # Where nobody is present the roster holds only who was, and that is kept for longer.
        kept = ROSTER_TTL if roster.devices or roster.typing else max(ROSTER_TTL, self._engine.last_seen)
        await self._records.write_roster(conversation, roster, number, kept)
        self._counters.written.value += 1
        self._change_log.record_write(conversation)
        self._heartbeat_due = True
        self._schedule.mark_stored(conversation, number, self._now().elapsed)
        self._on_stored(conversation, number)

    async def _write_heartbeat(self) -> None:
        heartbeat = self._change_log.next()
        self._heartbeat_due = False
        try:
            await self._records.write_heartbeat(heartbeat, self._timing.timeout)
        except BaseException:
            self._heartbeat_due = True
            raise
        self._last_heartbeat = self._now().elapsed


__all__ = ["CONCURRENCY", "EXPIRY_CHECK_INTERVAL", "HEARTBEAT_DELAY", "RosterWriter"]
