"""Where a consumer begins that is new to the store: with the first entry of every log, or with what comes from now on.

"Now" is found in the store's own time, so that the clocks of instances need not agree: the newest activity of the
inbox. The heads of what was active shortly before are stored, as its cursors; in every other log, the first entry of a
later time is new.
"""

from __future__ import annotations

from datetime import datetime

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat._core.consumers.cursor_store import Start, StoredCursor
from umbral_chat._core.consumers.lease import LeaseLost, run_with_lease
from umbral_chat._core.consumers.scan import OVERLAP
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Head
from umbral_chat.providers.store import Lease

PAGE = 200
"""Conversations read at once."""

LEASE = 30.0
"""Seconds after which another instance begins in the place of one that died meanwhile."""

HELD_PAUSE = 0.2
"""Seconds between two looks while another instance stores the start."""

HELD_LIMIT = 60.0
"""Seconds after which waiting for another instance ends."""

WALKS = 3
"""Walks through the recent conversations: one that had a new entry during a walk may be missed by it, and is at the top
of the next."""


async def find_start(backlog: Backlog, holder: str) -> None:
    """Set where the consumer begins, from the store, or store it now. Raises HistoryUnavailable."""
    if backlog.abilities.begins == "beginning":
        await _use(backlog, await backlog.cursors.start())
        return
    deadline = backlog.clock.monotonic() + HELD_LIMIT
    while (start := await backlog.cursors.start()) is None:
        try:
            await run_with_lease(
                backlog.store, backlog.cursors.start_lease, holder, LEASE, lambda lease: _begin_now(backlog, lease)
            )
        except LeaseLost:
            continue
        if await backlog.cursors.start() is None:
            if backlog.clock.monotonic() > deadline:
                raise HistoryUnavailable(f"The start of consumer {backlog.name!r} could not be stored; try again.")
            await backlog.clock.sleep(HELD_PAUSE)
    await _use(backlog, start)


async def _use(backlog: Backlog, start: Start | None) -> None:
    if start is None or start.at is None:
        return
    backlog.begins = start.at
    await backlog.cursors.heads.load()
    for conversation, head in backlog.cursors.heads.all().items():
        backlog.remember(conversation, StoredCursor(head.epoch, head.seq))


async def _begin_now(backlog: Backlog, lease: Lease) -> bool:
    cursors = backlog.cursors
    if await cursors.start() is not None:
        return True
    if await cursors.scanned() is not None:
        # It ran before it was one that begins now: its logs without a cursor are unhandled from the beginning.
        return await cursors.store_start(Start(None), lease=lease)
    newest = await _newest(backlog)
    if newest is None:
        return await cursors.store_start(Start(None), lease=lease)  # there is no entry yet
    # A wrong clock may have left an activity in the future, before which other logs have new entries.
    at = min(newest, backlog.clock.now()) - OVERLAP
    heads: dict[str, Head] = {}
    floor: datetime | None = at
    for _ in range(WALKS):
        floor = await _find_heads(backlog, heads, floor or at)
        if floor is None:
            break
    if not await cursors.heads.write(heads, lease=lease):
        raise LeaseLost(cursors.start_lease)
    return await cursors.store_start(Start(at), lease=lease)


async def _newest(backlog: Backlog) -> datetime | None:
    page = await backlog.history.conversations(limit=1)
    return page.conversations[0].last_activity if page.conversations else None


async def _find_heads(backlog: Backlog, heads: dict[str, Head], floor: datetime) -> datetime | None:
    """Add the head of every conversation that was active at `floor` or later. The newest activity that was seen, or
    None when nothing newer came meanwhile."""
    newest = before = None
    more = True
    while more:
        page = await backlog.history.conversations(limit=PAGE, before=before)
        recent = [one for one in page.conversations if one.last_activity >= floor]
        newest = newest or (recent[0].last_activity if recent else None)
        heads.update({one.id: Head(one.epoch, one.head) for one in recent if backlog.wants(one.id)})
        before = page.before
        more = before is not None and len(recent) == len(page.conversations)
    now_newest = await _newest(backlog)
    return newest if newest is not None and now_newest != newest else None


__all__ = ["find_start"]
