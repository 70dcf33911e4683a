"""Claims: the entries of a consumer, taken by whoever asks, one conversation to one of them at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from math import isnan

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat._core.consumers.claim_ends import ClaimEnds
from umbral_chat._core.consumers.claim_records import ClaimRecord, ClaimRecords, valid_ids
from umbral_chat._core.consumers.grants import ClaimGrants
from umbral_chat._core.consumers.lease import release
from umbral_chat._core.consumers.log_worker import Wait
from umbral_chat._core.consumers.tries import one_line
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.clock import Clock
from umbral_chat.errors import ClaimExpired, HistoryUnavailable, TooManyRequests
from umbral_chat.providers.consumers import (
    CLAIMS_AT_ONCE,
    ENTRIES_A_CLAIM,
    LONGEST_DELAY,
    LONGEST_LEASE,
    OPEN_CLAIMS,
    SHORTEST_LEASE,
    Claim,
)
from umbral_chat.providers.store import Lease

log = logging.getLogger(__name__)

GRANTS_AT_ONCE = 8
"""Conversations that are looked at together for one call."""

PRUNED_AT_ONCE = 100
"""Conversations of which it is looked up whether they are handled, each time: two reads for each."""

SHORTEST_WAIT = 0.001
"""Seconds: a wait for what is due in less than the clock can tell would not end the wait."""

SEARCH_SECONDS = 2.0
"""Seconds for which a call goes through conversations that have nothing to give, beyond the time that it waits."""


class ClaimQueue:
    """The claims of one consumer at this instance: `Claims`."""

    def __init__(self, backlog: Backlog, clock: Clock, draining: asyncio.Event, wake_scan: Callable[[], None]) -> None:
        self._backlog = backlog
        self._clock = clock
        self._draining = draining
        self._wake_scan = wake_scan
        self._records = ClaimRecords(backlog.store, backlog.name, clock)
        self._granting = ClaimGrants(backlog, self._records)
        self._ending = ClaimEnds(backlog)
        self._given: dict[str, str] = {}
        """Ids of the open claims that were given here, by conversation."""
        self._retries = False
        self._changed = asyncio.Event()
        self._tasks = Tasks(f"claims {backlog.name}")
        self.space = asyncio.Event()
        """Set when the queue may have room again."""
        self.waiting = 0
        """Callers that wait for entries."""
        self._stopped = False

    def changed(self) -> None:
        """There may be something to give: callers that wait look again."""
        self._changed.set()

    def retry_letters(self) -> None:
        """Some dead letters are marked to be tried again."""
        self._retries = True
        self._changed.set()

    async def prune(self) -> None:
        """Take conversations out of the queue that were handled at other instances. Where nobody claims, nothing else
        does. Raises HistoryUnavailable."""
        queue = self._backlog.queue
        names: list[str] = []
        while len(names) < PRUNED_AT_ONCE and (name := queue.take(self._clock.monotonic())) is not None:
            names.append(name)
        for index, name in enumerate(names):
            try:
                left = await self._backlog.has_unhandled(name)
            except BaseException:
                for rest in names[index:]:
                    queue.requeue(rest)
                raise
            if left:
                queue.requeue(name)
            else:
                queue.done(name)
                self.space.set()
        self._changed.set()

    async def close(self) -> None:
        """End the waits."""
        self._stopped = True
        self._changed.set()
        await self._tasks.close()

    async def claim(
        self, *, maximum: int = 1, entries: int = ENTRIES_A_CLAIM, lease: float = 60.0, wait: float = 0.0
    ) -> list[Claim]:
        """See `Claims.claim`."""
        wanted = await self._records.places(max(1, min(maximum, CLAIMS_AT_ONCE)))
        if not wanted:
            raise TooManyRequests(
                f"At most {OPEN_CLAIMS} claims are open at a time: acknowledge or release some.",
                code="too_many_claims",
                limit=OPEN_CLAIMS,
                headers={"Retry-After": "1"},
            )
        limit = max(1, min(entries, ENTRIES_A_CLAIM))
        seconds = _within(lease, SHORTEST_LEASE, LONGEST_LEASE)
        deadline = self._clock.monotonic() + _within(wait, 0.0, LONGEST_DELAY)
        while True:
            self._changed.clear()
            claims = await self._take(wanted, limit, seconds)
            left = deadline - self._clock.monotonic()
            if claims or left <= 0 or self._stopped or self._draining.is_set():
                return claims
            await self._wait(left)

    async def _wait(self, seconds: float) -> None:
        due = self._backlog.queue.next_due()
        if due is not None:
            seconds = min(seconds, max(SHORTEST_WAIT, due - self._clock.monotonic()))
        if self._retries:
            seconds = min(seconds, 1.0)  # a letter whose conversation is claimed
        self.waiting += 1
        self._wake_scan()
        ends = [asyncio.ensure_future(one.wait()) for one in (self._changed, self._draining)]
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting -= 1
            for end in ends:
                end.cancel()

    async def _take(self, wanted: int, limit: int, seconds: float) -> list[Claim]:
        """At most `wanted` claims, without waiting for entries. When the caller gives up, they are given back."""
        claims: list[Claim] = []
        taking = self._tasks.start(self._collect(claims, wanted, limit, seconds), name="take")
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._tasks.start(self._give_back(taking, claims), name="give back")
            raise
        except HistoryUnavailable:
            if not claims:
                raise
        return claims

    async def _collect(self, claims: list[Claim], wanted: int, limit: int, seconds: float) -> None:
        until = self._clock.monotonic() + SEARCH_SECONDS
        if self._retries:
            await self._collect_letters(claims, wanted, seconds)
        while len(claims) < wanted and self._clock.monotonic() < until:
            names: list[str] = []
            while len(names) < min(GRANTS_AT_ONCE, wanted - len(claims)):
                if (name := self._backlog.queue.take(self._clock.monotonic())) is None:
                    break
                names.append(name)
            if not names:
                return
            outcomes = await asyncio.gather(*(self._grant(name, limit, seconds) for name in names))
            claims += [one for one in outcomes if isinstance(one, Claim)]
            failures = [one for one in outcomes if isinstance(one, HistoryUnavailable)]
            if failures:
                raise failures[0]

    async def _collect_letters(self, claims: list[Claim], wanted: int, seconds: float) -> None:
        marked = [letter for letter in await self._backlog.dead.list() if letter.retry]
        self._retries = False
        for letter in marked:
            if len(claims) >= wanted:
                self._retries = True
                return
            try:
                claim = await self._granting.grant_letter(letter, seconds)
            except HistoryUnavailable:
                self._retries = True
                raise
            if claim is not None:
                claims.append(claim)
            else:
                self._retries = True  # its conversation is claimed: the next call tries it again

    async def _grant(self, name: str, limit: int, seconds: float) -> Claim | HistoryUnavailable | None:
        queue = self._backlog.queue
        granted: object = None
        try:
            granted = "held" if await self._is_given(name) else await self._granting.grant(name, limit, seconds)
        except HistoryUnavailable as error:
            queue.pause(name, "unavailable", self._clock.monotonic())
            return error
        except Exception:
            queue.pause(name, "unavailable", self._clock.monotonic())
            log.exception("consumer %s could not give a claim", self._backlog.name)
            return None
        except BaseException:
            queue.pause(name, "held", self._clock.monotonic())
            raise
        now = self._clock.monotonic()
        match granted:
            case Claim():
                self._given[name] = granted.id
                # It may be acknowledged at another instance at any moment.
                queue.pause(name, "held", now)
                return granted
            case Wait():
                queue.pause_for(name, granted.seconds, now, granted.since)
            case "held":
                queue.pause(name, "held", now)
            case "more":
                queue.requeue(name)
            case _:
                queue.done(name)
                self.space.set()
        return None

    async def _is_given(self, name: str) -> bool:
        """Whether a claim that was given here is still open: one read, where asking for the lease would be a write."""
        claim_id = self._given.get(name)
        if claim_id is None or await self._records.load(claim_id) is not None:
            return claim_id is not None
        self._given.pop(name, None)
        return False

    async def _give_back(self, taking: asyncio.Task[None], claims: list[Claim]) -> None:
        await asyncio.gather(taking, return_exceptions=True)
        if claims:
            try:
                await self.release([claim.id for claim in claims])
            except (ClaimExpired, HistoryUnavailable) as error:
                log.debug("claims of a caller that left were not given back: %s", error)

    async def ack(self, claim_ids: Sequence[str]) -> None:
        """See `Claims.ack`."""
        await self._end(claim_ids, self._ending.acknowledge)

    async def release(self, claim_ids: Sequence[str], *, delay: float = 0.0, failed: str | None = None) -> None:
        """See `Claims.release`."""
        seconds = _within(delay, 0.0, LONGEST_DELAY)
        reason = None if failed is None else one_line(failed) or "failed"

        async def give_back(record: ClaimRecord, lease: Lease) -> bool:
            return await self._ending.give_back(record, lease, delay=seconds, failed=reason)

        await self._end(claim_ids, give_back)

    async def open(self) -> int:
        """See `Claims.open`."""
        return await self._records.count()

    async def _end(self, claim_ids: Sequence[str], end: Callable[[ClaimRecord, Lease], Awaitable[bool]]) -> None:
        """End each claim by `end`, which returns False when its lease was lost."""
        valid, expired = valid_ids(claim_ids)
        for first in range(0, len(valid), GRANTS_AT_ONCE):
            group = valid[first : first + GRANTS_AT_ONCE]
            outcomes = await asyncio.gather(*(self._end_one(one, end) for one in group), return_exceptions=True)
            for claim_id, outcome in zip(group, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                if not outcome:
                    expired.append(claim_id)
        if expired:
            raise ClaimExpired(expired)

    async def _end_one(self, claim_id: str, end: Callable[[ClaimRecord, Lease], Awaitable[bool]]) -> bool:
        backlog = self._backlog
        record = await self._records.load(claim_id)
        if record is None:
            return False
        lease = self._records.lease(backlog.cursors.lease_name(record.conversation), claim_id, record)
        ended = await end(record, lease)
        await self._records.remove(claim_id)
        if self._given.get(record.conversation) == claim_id:
            del self._given[record.conversation]
        if ended:
            await release(backlog.store, lease)
            # What follows is due now, or waits as it is stored: the next look finds out.
            backlog.queue.wake(record.conversation, self._clock.now())
            backlog.queue.resume(record.conversation)
            self._retries = self._retries or record.letter is not None
            self._changed.set()
        return ended


def _within(value: float, least: float, most: float) -> float:
    return least if isnan(value) else max(least, min(value, most))


__all__ = ["ClaimQueue"]
