"""Searching the inbox: what operators filter it by, beside the status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw
import msgspec
from msgspec import UNSET

from umbral_chat._core.sqlite.engine.locking import read_transaction
from umbral_chat._core.sqlite.log.hashed_ids import HashedIds
from umbral_chat._core.sqlite.log.inbox import (
    AFTER,
    FROM,
    ORDER,
    ROOM,
    ROOMS,
    InboxPlace,
    page_of,
    read_rooms,
    reader,
)
from umbral_chat._core.sqlite.log.reads import PAGE
from umbral_chat.model.conversations import InboxFilter, InboxPage
from umbral_chat.model.depth import decode_stored

SCAN = 10_000
"""Conversations whose title one call looks at, in some 0.1 s on a busy machine. Titles have no index, since texts are
only stored where they can be erased (see `schema.py`); a longer inbox is searched part by part."""

_BATCH = 250
"""Conversations whose profiles are in memory at a time."""

_CANDIDATES = "SELECT CAST('[' || group_concat(candidate) || ']' AS BLOB) FROM"
_CANDIDATE = "json_array(c.id, c.at, p.name, p.json)"


class _Candidate(msgspec.Struct, array_like=True):
    log: int
    at: int
    id: str
    profile: str


class _Titled(msgspec.Struct):
    title: str | None = None


_candidates = msgspec.json.Decoder(list[_Candidate])
_titled = msgspec.json.Decoder(_Titled)


def search(
    connection: apsw.Connection,
    ids: HashedIds,
    sought: InboxFilter,
    limit: int,
    before: str | None,
    subject: str | None,
) -> InboxPage:
    """See `OperatorInbox.search`."""
    start, limit = InboxPlace.decode(before), max(0, min(limit, PAGE))
    where, values = _conditions(ids, sought)
    if sought.text is None:
        statement = f"{ROOMS} (SELECT {ROOM} AS room {FROM} WHERE {where} AND {AFTER} {ORDER} LIMIT :limit)"
        values |= {"at": start.at, "id": start.id, "limit": limit + 1, **reader(ids, subject)}
        return page_of(read_rooms(connection, statement, values), limit)
    with read_transaction(connection):
        found: list[int] = []
        place: InboxPlace | None = None
        looked_at = 0
        for candidate in _scan(connection, where, values, start):
            if len(found) == limit or looked_at == SCAN:
                break
            looked_at, place = looked_at + 1, InboxPlace(candidate.at, candidate.id)
            if _matches(candidate, sought.text.lower()):
                found.append(candidate.log)
        else:
            place = None
        logs = msgspec.json.encode(found).decode()
        statement = f"{ROOMS} (SELECT {ROOM} AS room {FROM} WHERE c.id IN (SELECT value FROM json_each(:logs)) {ORDER})"  # noqa: S608
        page = page_of(read_rooms(connection, statement, {"logs": logs, **reader(ids, subject)}), len(found))
    return InboxPage(page.conversations, None if place is None else place.encode())


def _conditions(ids: HashedIds, sought: InboxFilter) -> tuple[str, dict[str, Any]]:
    """A condition made of constants, which the partial indexes need, and its values."""
    conditions, values = ["1"], dict[str, Any]()
    if sought.status is not None:
        conditions.append("c.status = :status")
        values["status"] = sought.status
    if sought.waiting is not None:
        conditions.append(("" if sought.waiting else "NOT ") + "(c.status = 'open' AND c.user_last = 1)")
    if sought.assignee is None:
        conditions.append("c.assignee IS NULL")
    elif sought.assignee is not UNSET:
        conditions.append("c.assignee = :assignee")
        values["assignee"] = ids.subject(sought.assignee)
    return " AND ".join(conditions), values


def _scan(connection: apsw.Connection, where: str, values: dict[str, Any], start: InboxPlace) -> Iterator[_Candidate]:
    """The conversations after `start` that satisfy the condition, in the inbox's order."""
    statement = (
        f"{_CANDIDATES} (SELECT {_CANDIDATE} AS candidate {FROM} WHERE {where} AND {AFTER} {ORDER} LIMIT :limit)"
    )
    while True:
        found = connection.execute(statement, {**values, "at": start.at, "id": start.id, "limit": _BATCH}).get
        batch = [] if found is None else _candidates.decode(found)
        yield from batch
        if len(batch) < _BATCH:
            return
        start = InboxPlace(batch[-1].at, batch[-1].id)


def _matches(candidate: _Candidate, text: str) -> bool:
    if text in candidate.id.lower():
        return True
    title = decode_stored(_titled, candidate.profile).title
    return title is not None and text in title.lower()


__all__ = ["SCAN", "search"]
