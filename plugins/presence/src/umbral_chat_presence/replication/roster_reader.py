"""The reader: learns from the store what other instances say, of the conversations that somebody here wants to know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, UmbralChatError
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_presence.counters import PresenceCounters
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
"""Seconds that whoever wants to know for sure waits at most."""

_NEVER = float("-inf")


class RosterReader:
    """One task. While nobody wants to know anything it sleeps. `now` is the moment; `on_change` is told when there may be
    something to tell."""

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
        """By conversation: when all that the store says of it was known here last, in elapsed seconds."""
        self._wanted: set[str] = set()
        """Conversations to be read."""
        self._incomplete: set[str] = set()
        """Conversations of which a roster was not there whole."""
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._last_check = _NEVER
        self._backoff = Backoff(initial=INITIAL_BACKOFF, maximum=timing.interval)
        self._wake = asyncio.Event()

    def request(self, conversation: str) -> None:
        """Another instance says that it changed."""
        self._wanted.add(conversation)
        self._wake.set()

    def ensure_known(self, conversation: str) -> None:
        """Somebody wants to know of it: read it, unless it is followed already."""
        if conversation not in self._known and conversation not in self._wanted:
            self.request(conversation)

    def is_known(self, conversation: str) -> bool:
        """Whether what others say of it is known here."""
        return conversation in self._known

    def check_now(self) -> None:
        """Look at everything soon: signals do not arrive as they did."""
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
                    "Who is at other instances cannot be told: the shared store does not answer."
                ) from None

    async def run(self, tick: float) -> None:
        """Until cancelled."""
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
            # A third party's store may raise anything, and the next look may go well.
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
        """Look and read. Whoever waits is answered, and taken from `waiting`, as soon as what it waits for is known:
        when an instance begins, all of its clients come anew, each of another conversation."""
        if waiting or self._now().elapsed - self._last_check >= self._timing.interval:
            await self._check_heartbeats(set(waiting))
        if not self._peers.alive:
            _resolve_all(waiting, None)  # nobody is elsewhere; what is read now is only who was here lately
        for conversation in waiting.keys() - self._wanted:
            _resolve(waiting.pop(conversation))
        asked = waiting.keys() | self._waiting.keys()
        wanted = sorted(self._wanted, key=lambda one: one not in asked)
        for start in range(0, len(wanted), CONCURRENCY):
            await all_of(self._read(one, waiting) for one in wanted[start : start + CONCURRENCY])
        self._on_change()

    async def _check_heartbeats(self, asked: set[str]) -> None:
        """Who lives, and what they wrote."""
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
            # An instance may have begun after this turn's look at who lives, and before somebody asked; or it ended
            # long ago, and its roster is still there. Another look tells.
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
        one.exception()  # whoever waited may have gone, and it is no news


def _resolve_all(waiting: dict[str, asyncio.Future[None]], error: BaseException | None) -> None:
    for one in waiting.values():
        _resolve(one, error)
    waiting.clear()


__all__ = ["CONCURRENCY", "SETTLE_TIMEOUT", "RosterReader"]
