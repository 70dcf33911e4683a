"""The writer: stores what this instance says of its conversations, and that it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from umbral_chat.clock import Clock
from umbral_chat.errors import UmbralChatError
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_presence.counters import PresenceCounters
from umbral_chat_presence.replication.heartbeats import FIRST_PAUSE, ChangeLog, HeartbeatTiming
from umbral_chat_presence.replication.records import PresenceRecords
from umbral_chat_presence.replication.roster_schedule import KEPT, LIVE_DELAY, RosterSchedule
from umbral_chat_presence.state.device_state import Instant
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.waits import all_of

log = logging.getLogger(__name__)

CONCURRENCY = 8
"""Rosters written at the same time."""

BEAT_AFTER = 1.0
"""Seconds within which a heartbeat follows what was written, so that others read it."""

LAPSING_EVERY = 60.0
"""Seconds between two looks at what is about to lapse, in half an hour."""


class RosterWriter:
    """One task. While nothing is to be stored, and nobody is here, it sleeps.

    `now` is the moment; `live` whether signals are pushed; `stored` is told of each roster that is.
    """

    def __init__(
        self,
        engine: Engine,
        shelf: PresenceRecords,
        outgoing: RosterSchedule,
        clock: Clock,
        rhythm: HeartbeatTiming,
        counting: PresenceCounters,
        *,
        now: Callable[[], Instant],
        live: Callable[[], bool],
        stored: Callable[[str, int], None],
    ) -> None:
        self._engine = engine
        self._records = shelf
        self._schedule = outgoing
        self._clock = clock
        self._rhythm = rhythm
        self._counting = counting
        self._now = now
        self._live = live
        self._stored = stored
        self._journal = ChangeLog()
        self._beaten = self._looked = float("-inf")
        self._owes_beat = False
        self._backoff = Backoff(initial=FIRST_PAUSE, maximum=rhythm.beat)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to store."""
        self._wake.set()

    async def run(self, tick: float) -> None:
        """Until cancelled."""
        while True:
            if not (self._schedule.has_unstored or self._owes_beat or self._engine.rooms.present):
                self._wake.clear()
                await self._wake.wait()
            failed = await self._turn()
            await self._clock.sleep(self._backoff.next() if failed else tick)

    async def finish(self) -> None:
        """Store all that is not stored. Raises HistoryUnavailable."""
        await self._write_all(self._schedule.rest())
        if self._owes_beat:
            await self._beat()

    async def _turn(self) -> bool:
        try:
            await self._store_due()
        except UmbralChatError as error:
            log.debug("presence was not stored: %s", error)
        except Exception:
            # A third party's store may raise anything, and the next try may go well.
            log.exception("presence was not stored")
        else:
            self._backoff.reset()
            return False
        self._counting.failed.value += 1
        return True

    async def _store_due(self) -> None:
        now = self._now().elapsed
        if now - self._looked >= LAPSING_EVERY:
            self._looked = now
            self._renew(now)
        await self._write_all(self._schedule.due_for_store(now, delay=LIVE_DELAY if self._live() else 0.0))
        if self._owes_beat and self._now().elapsed - self._beaten >= BEAT_AFTER:
            await self._beat()
        await self._beat_in_time()

    async def _beat_in_time(self) -> None:
        if self._engine.rooms.present and self._now().elapsed - self._beaten >= self._rhythm.beat:
            await self._beat()

    def _renew(self, now: float) -> None:
        for conversation in self._schedule.lapsing(now):
            if self._engine.says(conversation):
                self._engine.changes.mark(conversation)
            else:
                self._schedule.forget(conversation)

    async def _write_all(self, due: list[tuple[str, int]]) -> None:
        for start in range(0, len(due), CONCURRENCY):
            # However much there is to write, and whatever of it fails, others must not think that nobody lives here.
            await self._beat_in_time()
            await all_of(self._write(*one) for one in due[start : start + CONCURRENCY])

    async def _write(self, conversation: str, number: int) -> None:
        roster = self._engine.roster(conversation, self._now())
        # Of a conversation where nobody is, only who was there is left to tell, and that for longer.
        kept = KEPT if roster.devices or roster.typing else max(KEPT, self._engine.last_seen)
        await self._records.write(conversation, roster, number, kept)
        self._counting.written.value += 1
        self._journal.wrote(conversation)
        self._owes_beat = True
        self._schedule.stored(conversation, number, self._now().elapsed)
        self._stored(conversation, number)

    async def _beat(self) -> None:
        beat = self._journal.next()
        self._owes_beat = False
        try:
            await self._records.beat(beat, self._rhythm.lapse)
        except BaseException:
            self._owes_beat = True
            raise
        self._beaten = self._now().elapsed


__all__ = ["BEAT_AFTER", "CONCURRENCY", "LAPSING_EVERY", "RosterWriter"]
