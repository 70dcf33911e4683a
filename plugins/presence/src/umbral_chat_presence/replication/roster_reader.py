"""RosterReader: reads other instances' heartbeats and rosters, of the conversations that are relevant here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, UmbralChatError
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_presence.metrics import PresenceCounters
from umbral_chat_presence.replication.heartbeats import INITIAL_BACKOFF, HeartbeatTiming
from umbral_chat_presence.replication.peers import Peers
from umbral_chat_presence.replication.records import PresenceRecords
from umbral_chat_presence.state.device_state import Instant
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.waits import all_of, pause, within

log = logging.getLogger(__name__)

CONCURRENCY = 8
"""Conversations read at the same time."""

SETTLE_TIMEOUT = 3.0
"""Most seconds that `settled` waits."""

_NEVER = float("-inf")


class RosterReader:
    """One task, which sleeps while no conversation is relevant.

    `now` returns the current time; `on_change` is called when rosters may have changed what is known."""

    def __init__(
        self,
        engine: Engine,
        records: PresenceRecords,
        peers: Peers,
        clock: Clock,
        timing: HeartbeatTiming,
        counters: PresenceCounters,
        *,
        now: Callable[[], Instant],
        on_change: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._records = records
        self._peers = peers
        self._clock = clock
        self._timing = timing
        self._counters = counters
        self._now = now
        self._on_change = on_change
        self._known: dict[str, float] = {}
        """By conversation: when this instance was last up to date with the store, in elapsed seconds."""
        self._wanted: set[str] = set()
        """Conversations whose rosters are to be read."""
        self._incomplete: set[str] = set()
        """Conversations of which a roster was incomplete when it was read."""
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._last_check = _NEVER
        self._backoff = Backoff(initial=INITIAL_BACKOFF, maximum=timing.interval)
        self._wake = asyncio.Event()

    def request(self, conversation: str) -> None:
        """Read this conversation: another instance signalled that it changed."""
        self._wanted.add(conversation)
        self._wake.set()

    def ensure_known(self, conversation: str) -> None:
        """Read this conversation, unless it is known or requested already."""
        if conversation not in self._known and conversation not in self._wanted:
            self.request(conversation)

    def is_known(self, conversation: str) -> bool:
        """Whether the rosters of other instances are known here."""
        return conversation in self._known

    def check_now(self) -> None:
        """Read the heartbeats soon: the way in which signals arrive has changed."""
        self._last_check = _NEVER
        self._wake.set()

    async def settled(self, conversation: str) -> None:
        """See `Presence.settled`."""
        age = self._now().elapsed - self._known.get(conversation, _NEVER)
        if age <= self._timing.interval and conversation not in self._wanted:
            return
        waiting = self._waiting.get(conversation)
        if waiting is None:
            waiting = self._waiting[conversation] = asyncio.get_running_loop().create_future()
        self._wake.set()
        try:
            await within(self._clock, SETTLE_TIMEOUT, asyncio.shield(waiting))
        except (TimeoutError, HistoryUnavailable):
            if conversation not in self._known:
                raise HistoryUnavailable(
                    "Who is at other instances is not known: the shared store does not answer."
                ) from None

    async def run(self, tick: float) -> None:
        """Read what is due every `tick` seconds, until cancelled."""
        try:
            while True:
                if not (self._wanted or self._waiting or self._engine.rooms.any_relevant):
                    self._known.clear()
                    self._wake.clear()
                    await self._wake.wait()
                if await self._turn():
                    await self._clock.sleep(self._backoff.next())
                else:
                    await pause(self._clock, tick, self._wake)
        finally:
            _resolve_all(self._waiting, HistoryUnavailable("The service ends."))

    async def _turn(self) -> bool:
        waiting, self._waiting = self._waiting, {}
        error: BaseException | None = HistoryUnavailable("The service ends.")
        try:
            await self._read_due(waiting)
            error = None
        except UmbralChatError as failure:
            log.debug("presence was not read: %s", failure)
            error = failure
        except Exception as failure:
            # A third party's store may raise anything, and the next try may succeed.
            log.exception("presence was not read")
            error = failure
        finally:
            _resolve_all(waiting, error)
        if error is None:
            self._backoff.reset()
            return False
        self._counters.failed.value += 1
        return True

    async def _read_due(self, waiting: dict[str, asyncio.Future[None]]) -> None:
        """Read heartbeats when they are due, then the wanted rosters. Each future of `waiting` is resolved and removed
        as soon as its conversation is known: when an instance starts, all of its clients arrive, each with another
        conversation."""
        if waiting or self._now().elapsed - self._last_check >= self._timing.interval:
            await self._check_heartbeats(set(waiting))
        if not self._peers.alive:
            _resolve_all(waiting, None)  # no other instance is alive; rosters are read only for last seen
        for conversation in waiting.keys() - self._wanted:
            _resolve(waiting.pop(conversation))
        asked = waiting.keys() | self._waiting.keys()
        wanted = sorted(self._wanted, key=lambda one: one not in asked)
        for start in range(0, len(wanted), CONCURRENCY):
            await all_of(self._read(one, waiting) for one in wanted[start : start + CONCURRENCY])
        self._on_change()

    async def _check_heartbeats(self, asked: set[str]) -> None:
        """Read which instances are alive, and what they wrote."""
        began = self._now().elapsed
        heartbeats = await self._records.read_heartbeats()
        now = self._now()
        relevant = asked.union(self._engine.rooms.relevant)
        changes = self._peers.apply_heartbeats(heartbeats, relevant, now.elapsed)
        for instance in changes.lost:
            self._engine.instance_lost(instance, now)
        self._wanted |= changes.read | self._incomplete | (relevant - self._known.keys())
        self._wanted &= relevant
        self._incomplete.clear()
        self._known = {one: at for one, at in self._known.items() if one in relevant}
        self._known |= dict.fromkeys(self._known.keys() - self._wanted, began)
        self._last_check = began

    async def _read(self, conversation: str, waiting: dict[str, asyncio.Future[None]]) -> None:
        began = self._now().elapsed
        self._wanted.discard(conversation)
        late = conversation not in waiting and conversation in self._waiting
        if late:
            waiting[conversation] = self._waiting.pop(conversation)
        try:
            found = await self._records.read_rosters(conversation, self._peers.alive)
        except BaseException:
            self._wanted.add(conversation)
            raise
        self._counters.read.value += 1
        now = self._now()
        for instance, stored in found.items():
            if stored is not None:
                if self._peers.is_alive(instance):
                    self._engine.apply_roster(conversation, instance, stored.number, stored.roster, now)
                self._engine.record_last_seen(conversation, stored.roster, now)
            elif self._peers.is_alive(instance):
                self._incomplete.add(conversation)
        self._known[conversation] = began
        self._engine.others_known(conversation, now)
        if (one := waiting.pop(conversation, None)) is None:
            return
        if not late or all(self._peers.is_known(instance) for instance in found):
            _resolve(one)
        else:
            # The instance may have started after this turn's read of the heartbeats and before the caller asked; or it
            # stopped long ago, and its roster is still stored. The next read of the heartbeats decides.
            self._wanted.add(conversation)
            later = self._waiting.setdefault(conversation, one)
            if later is not one:
                later.add_done_callback(lambda done: _resolve(one, done.exception()))
            self._wake.set()


def _resolve(one: asyncio.Future[None], error: BaseException | None = None) -> None:
    if one.done():
        return
    if error is None:
        one.set_result(None)
    else:
        one.set_exception(HistoryUnavailable(str(error)))
        one.exception()  # retrieved: the caller may have stopped waiting


def _resolve_all(waiting: dict[str, asyncio.Future[None]], error: BaseException | None) -> None:
    for one in waiting.values():
        _resolve(one, error)
    waiting.clear()


__all__ = ["CONCURRENCY", "SETTLE_TIMEOUT", "RosterReader"]
