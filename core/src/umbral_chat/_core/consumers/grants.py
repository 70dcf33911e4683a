"""Giving a claim: what a conversation has to give, taken under the lease that the claim then holds."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Literal

import msgspec

from umbral_chat._core.consumers.backlog import BLOCKED_PAUSE, Backlog
from umbral_chat._core.consumers.bisection import bisected, failed_tries
from umbral_chat._core.consumers.claim_records import ClaimRecord, ClaimRecords
from umbral_chat._core.consumers.cursor_store import StoredCursor
from umbral_chat._core.consumers.lease import LeaseLost, release
from umbral_chat._core.consumers.log_worker import Wait
from umbral_chat._core.consumers.redelivery import after_try, entry_of
from umbral_chat._core.consumers.tries import END, Tries
from umbral_chat.model.conversations import Head
from umbral_chat.model.entries import Entry
from umbral_chat.providers.consumers import Claim, DeadLetter
from umbral_chat.providers.edges import LogEnd
from umbral_chat.providers.store import Lease

log = logging.getLogger(__name__)

EXPIRED = "the claim expired"

PAGES = 10
"""Pages that are passed over before other conversations have their turn."""

Granted = Claim | Literal["done", "more", "held"] | Wait


def new_claim_id() -> str:
    """144 random bits: whoever has the id holds the claim."""
    return secrets.token_urlsafe(18)


class ClaimGrants:
    """Gives the claims of one consumer. Its methods raise HistoryUnavailable."""

    def __init__(self, backlog: Backlog, records: ClaimRecords) -> None:
        self._backlog = backlog
        self._records = records

    async def grant(self, conversation: str, entries: int, lease_seconds: float) -> Granted:
        """A claim of the conversation's next entries, or of its log's end; `done`: there is nothing to give, `more`:
        there may be, `held`: another claim holds it, Wait: an entry waits for its next try."""
        backlog = self._backlog
        if not await backlog.has_unhandled(conversation):
            return "done"
        claim_id, began = new_claim_id(), backlog.clock.now()
        lease = await backlog.store.acquire(backlog.cursors.lease_name(conversation), claim_id, lease_seconds)
        if lease is None:
            return "held"
        granted: Granted | None = None
        try:
            granted = await _Grant(self._backlog, self._records, conversation, lease, lease_seconds, began).run(entries)
        except LeaseLost:
            return "held"
        finally:
            if not isinstance(granted, Claim):
                await asyncio.shield(release(backlog.store, lease))
        return granted

    async def grant_letter(self, letter: DeadLetter, lease_seconds: float) -> Claim | None:
        """A claim of a dead letter that is to be tried again; None: another holds its conversation, or it is gone."""
        backlog = self._backlog
        claim_id, began = new_claim_id(), backlog.clock.now()
        lease = await backlog.store.acquire(backlog.cursors.lease_name(letter.conversation), claim_id, lease_seconds)
        if lease is None:
            return None
        claim: Claim | None = None
        try:
            claim = await self._claim_letter(letter, lease, lease_seconds, began)
        finally:
            if claim is None:
                await asyncio.shield(release(backlog.store, lease))
        return claim

    async def _claim_letter(self, letter: DeadLetter, lease: Lease, seconds: float, began: datetime) -> Claim | None:
        backlog = self._backlog
        found = await backlog.dead.load(letter)
        if found is None or not found[0].retry:
            return None
        letter, version = found
        entry = await entry_of(backlog, letter)
        if entry is None:
            await backlog.dead.remove(letter)  # its log is gone
            return None
        # Counted before it is given: a claim that nobody ends is a failed try.
        counted = after_try(letter, Tries(letter.seq, letter.tries + 1, letter.first_at, began, EXPIRED))
        if await backlog.dead.replace(counted, expect=version) is None:
            return None
        record = ClaimRecord(conversation=letter.conversation, token=lease.token, letter=counted)
        await self._records.add(lease.holder, record, seconds)
        return Claim(
            id=lease.holder,
            conversation=letter.conversation,
            epoch=letter.epoch,
            entries=[entry],
            lease_until=began + timedelta(seconds=seconds),
            tries=letter.tries,
        )


class _Grant:
    """One attempt to give a claim of a conversation, under its lease."""

    def __init__(
        self,
        backlog: Backlog,
        records: ClaimRecords,
        conversation: str,
        lease: Lease,
        seconds: float,
        began: datetime,
    ) -> None:
        self._backlog = backlog
        self._records = records
        self._conversation = conversation
        self._lease = lease
        self._seconds = seconds
        self._until = began + timedelta(seconds=seconds)
        """By the time before the lease was asked for: its holder must not believe that it lasts longer than it does."""
        self._version = 0

    async def run(self, limit: int) -> Granted:
        cursor, self._version = await self._backlog.cursors.load(self._conversation)
        if cursor is not None and (wait := cursor.wait(self._backlog.clock.now())):
            return Wait(wait, None)
        for _ in range(PAGES):
            page = await self._backlog.read(self._conversation, 0 if cursor is None else cursor.seq)
            head = None if page is None else page.head
            if page is None or head is None:
                return await self._ended(cursor, None)
            if cursor is None:
                cursor = await self._backlog.begin(self._conversation, head)
                if cursor.seq:
                    continue  # the page was read from the beginning
            elif cursor.epoch != head.epoch:
                return await self._ended(cursor, head)
            elif head.seq < cursor.seq:
                cursor = StoredCursor(head.epoch, head.seq)  # restored from an older copy
            granted = await self._of_page(cursor, page.entries, head, limit)
            if granted is not None:
                return granted
            seq = page.entries[-1].seq if page.entries else cursor.seq
            cursor = StoredCursor(
                head.epoch, seq, due=_still(cursor, seq, head), bisection=cursor.bisection_behind(seq)
            )
            await self._store(cursor)
            if cursor.seq >= head.seq:
                self._backlog.remember(self._conversation, cursor)
                return "done"
        return "more"

    async def _of_page(self, cursor: StoredCursor, page: Sequence[Entry], head: Head, limit: int) -> Granted | None:
        """The claim of what is to be given of a page; None: nothing of it is. Those that were claimed in vain too often
        become dead letters."""
        selected = await self._backlog.abilities.selected(self._conversation, page)
        for index, entry in enumerate(selected):
            before = _before(cursor, entry)
            if (deferred := await self._backlog.deferred(self._conversation, before, entry)) is not None:
                await self._store(deferred)
                self._backlog.remember(self._conversation, StoredCursor(head.epoch, head.seq))
                return "done"
            if before.tries is None or not self._is_given_up(before.tries):
                return await self._entries(before, selected[index:], page, head, limit)
            self._count_expired(before.tries)
            if not await self._backlog.bury(self._conversation, cursor.epoch, before.tries):
                await self._store(before)
                return Wait(BLOCKED_PAUSE, self._backlog.unhandled_since(entry))
            cursor = StoredCursor(cursor.epoch, entry.seq, due=cursor.due, bisection=cursor.bisection_behind(entry.seq))
            await self._store(cursor)
        return None

    async def _entries(
        self, before: StoredCursor, selected: Sequence[Entry], page: Sequence[Entry], head: Head, limit: int
    ) -> Claim:
        """The claim of the first of `selected`, with what is passed over between them and behind the last one."""
        tries = before.tries
        if before.bisection is not None:
            limit = min(limit, before.bisection.limit)
        elif tries is not None and tries.count > 0:
            limit = 1  # alone, so that the one that fails is the one that is given up
        due, now = self._backlog.abilities.due, self._backlog.clock.now()
        # The first one is due, as its caller looked.
        rest = selected[1:limit] if due is None else takewhile(lambda one: due(one) <= now, selected[1:limit])
        given = [selected[0], *rest]
        last = page[-1].seq if len(given) == len(selected) else given[-1].seq
        after = StoredCursor(
            before.epoch, last, due=_still(before, last, head), bisection=before.bisection_behind(last)
        )
        return await self._claim(before, after, given)

    async def _ended(self, cursor: StoredCursor | None, head: Head | None) -> Granted:
        """The claim of the log's end."""
        if cursor is None:
            await self._backlog.forget_conversation(self._conversation)
            return "done"
        end = LogEnd(cursor.epoch, None if head is None else head.epoch)
        tries = cursor.tries if cursor.tries is not None and cursor.tries.seq == END else None
        if self._is_given_up(tries):
            log.error("consumer %s: the end of a log was claimed and not acknowledged too often", self._backlog.name)
            await finish_end(self._backlog, self._conversation, end, cursor, self._version, self._lease)
            return "more"
        before = msgspec.structs.replace(cursor, tries=tries)
        after = None if head is None else StoredCursor(head.epoch, 0)
        return await self._claim(before, after, [], end)

    async def _claim(
        self, before: StoredCursor, after: StoredCursor | None, given: list[Entry], end: LogEnd | None = None
    ) -> Claim:
        now, tries = self._backlog.clock.now(), before.tries
        self._count_expired(tries)
        seq = given[0].seq if given else END
        count = 0 if tries is None else tries.count
        first = now if tries is None or not count else tries.first_at
        # Counted before it is given: a claim that nobody ends is a failed try.
        failures = failed_tries(count, len(given), self._backlog.abilities.tries)
        bisection = bisected(before.bisection, len(given), after.seq) if given and after else before.bisection
        failed = Tries(seq, failures, first, now, EXPIRED)
        await self._store(msgspec.structs.replace(before, tries=failed, bisection=bisection))
        record = ClaimRecord(
            conversation=self._conversation,
            token=self._lease.token,
            version=self._version,
            before=before,
            after=after,
            end=end,
            given=len(given),
        )
        await self._records.add(self._lease.holder, record, self._seconds)
        return Claim(
            id=self._lease.holder,
            conversation=self._conversation,
            epoch=before.epoch,
            entries=given,
            end=end,
            lease_until=self._until,
            tries=count,
        )

    def _count_expired(self, tries: Tries | None) -> None:
        """Count the claim before this one as failed, if it expired: nobody noticed that."""
        if tries is not None and tries.count and tries.reason == EXPIRED:
            self._backlog.failed(tries)

    def _is_given_up(self, tries: Tries | None) -> bool:
        return tries is not None and tries.count >= self._backlog.abilities.tries

    async def _store(self, cursor: StoredCursor) -> None:
        version = await self._backlog.cursors.store(self._conversation, cursor, expect=self._version, lease=self._lease)
        if version is None:
            raise LeaseLost(self._conversation)
        self._version = version


def _before(cursor: StoredCursor, entry: Entry) -> StoredCursor:
    """The cursor before `entry`, with its tries: what lies between is passed over."""
    tries = cursor.tries if cursor.tries is not None and cursor.tries.seq == entry.seq else None
    return StoredCursor(cursor.epoch, entry.seq - 1, tries, cursor.due, cursor.bisection_behind(entry.seq - 1))


def _still(cursor: StoredCursor, seq: int, head: Head) -> datetime | None:
    """The time since which the conversation is due, while there is more of it behind `seq`."""
    return cursor.due if seq < head.seq else None


async def finish_end(
    backlog: Backlog, conversation: str, end: LogEnd, before: StoredCursor | None, version: int, lease: Lease
) -> bool:
    """Go on after the end of a log; False: the lease was lost."""
    if end.successor is None:
        # With the time under which it waits, so that nothing is left of it.
        after = StoredCursor(end.epoch, 0, due=None if before is None else before.due)
    else:
        after = StoredCursor(end.successor, 0)
    if await backlog.cursors.store(conversation, after, expect=version, lease=lease) is None:
        return False
    if end.successor is None:
        await backlog.forget_conversation(conversation)
    else:
        await backlog.dead.drop(conversation)
    return True


__all__ = ["EXPIRED", "ClaimGrants", "Granted", "finish_end", "new_claim_id"]
