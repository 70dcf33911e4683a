"""Ending a claim: what it held was handled, or is given back. Each needs the claim's lease, on whichever instance."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat._core.consumers.bisection import bisected, failed_tries
from umbral_chat._core.consumers.claim_records import ClaimRecord
from umbral_chat._core.consumers.cursor_store import StoredCursor
from umbral_chat._core.consumers.grants import finish_end
from umbral_chat._core.consumers.tries import END, Tries, pause_after
from umbral_chat.providers.consumers import DeadLetter
from umbral_chat.providers.store import Lease


class ClaimEnds:
    """Ends the claims of one consumer. Its methods return False when the lease was lost. Raises HistoryUnavailable."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog

    async def acknowledge(self, record: ClaimRecord, lease: Lease) -> bool:
        """The cursor moves past what the claim held."""
        backlog = self._backlog
        if record.letter is not None:
            return await backlog.dead.remove(record.letter)
        if record.end is not None:
            return await finish_end(backlog, record.conversation, record.end, record.before, record.version, lease)
        if record.after is None:
            return False
        stored = await backlog.cursors.store(record.conversation, record.after, expect=record.version, lease=lease)
        return stored is not None

    async def give_back(self, record: ClaimRecord, lease: Lease, *, delay: float, failed: str | None) -> bool:
        """What it held is given again, after `delay` seconds; `failed`: the reason why this was a try."""
        if record.letter is not None:
            return await self._give_back_letter(record.letter, failed)
        before = record.before
        if before is None:
            return False
        backlog = self._backlog
        bound = backlog.abilities.tries
        tries = released(record, before, delay=delay, failed=failed, bound=bound, now=backlog.clock.now())
        bisection = before.bisection
        if failed is not None and record.after is not None:
            bisection = bisected(bisection, record.given, record.after.seq)
        cursor = msgspec.structs.replace(before, tries=tries, bisection=bisection)
        version = await backlog.cursors.store(record.conversation, cursor, expect=record.version, lease=lease)
        if version is None:
            return False
        if failed is not None and tries is not None:
            backlog.failed(tries)
            if record.end is None and tries.count >= bound:
                await self._give_up(record.conversation, cursor, tries, version, lease)
        return True

    async def _give_up(self, conversation: str, before: StoredCursor, tries: Tries, version: int, lease: Lease) -> None:
        """Make the entry a dead letter and go on behind it. What is not done here, for want of a place or because the
        lease ends, is done where it is to be claimed again."""
        backlog = self._backlog
        if await backlog.bury(conversation, before.epoch, tries):
            after = StoredCursor(before.epoch, tries.seq, due=before.due, bisection=before.bisection_behind(tries.seq))
            await backlog.cursors.store(conversation, after, expect=version, lease=lease)

    async def _give_back_letter(self, letter: DeadLetter, failed: str | None) -> bool:
        found = await self._backlog.dead.load(letter)
        if found is None or found[0] != letter:
            return False
        # Without a failure it is given again, and this try does not count.
        changed = (
            msgspec.structs.replace(letter, retry=True, tries=letter.tries - 1)
            if failed is None
            else msgspec.structs.replace(letter, reason=failed)
        )
        return await self._backlog.dead.replace(changed, expect=found[1]) is not None


def released(
    record: ClaimRecord, before: StoredCursor, *, delay: float, failed: str | None, bound: int, now: datetime
) -> Tries | None:
    """The tries of what a claim held when it is given back. Pure."""
    tries = before.tries
    count = 0 if tries is None else tries.count
    if failed is not None:
        count = failed_tries(count, record.given, bound)
        delay = max(delay, pause_after(max(1, count)))
    if not count and not delay:
        return None
    return Tries(
        seq=before.seq + 1 if record.end is None else END,
        count=count,
        first_at=tries.first_at if tries is not None and tries.count else now,
        last_at=now if failed is not None or tries is None else tries.last_at,
        reason=failed or ("" if tries is None else tries.reason),
        not_before=now + timedelta(seconds=delay) if delay else None,
    )


__all__ = ["ClaimEnds", "released"]
