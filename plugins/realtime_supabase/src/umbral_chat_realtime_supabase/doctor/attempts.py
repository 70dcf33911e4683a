"""One actor's attempts to get at data through REST, and the outcome of each."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from umbral_chat_realtime_supabase.doctor.project import Scratch

CONCURRENCY = 8
"""Attempts of all actors at a time: a project of the smallest size has about as many connections for its REST API, and
the clients of the service need some of them."""

_TRANSIENT = frozenset({502, 503})
"""What a gateway answers when the server behind it ended a connection, or does not answer for a moment."""

READABLE = ("umbral_chat_conversations", "umbral_chat_entries")
"""Tables in which a member may read the rows of its own conversations."""

_COLUMNS = {
    "umbral_chat_conversations": "id",
    "umbral_chat_entries": "conversation",
    "umbral_chat_members": "conversation",
    "umbral_chat_writes": "author",
    "umbral_chat_records": "key",
    "umbral_chat_settings": "name",
}
"""Tables that are tried, each with a column that may not be null or that selects rows."""


@dataclass
class AccessRecord:
    """The outcomes of one actor's attempts."""

    refused: int = 0
    breaches: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    """Tables whose rows were returned."""
    rate: str | None = None
    """Says that the plan's rate was used up, where that is why something is unclear."""


class Attempt(NamedTuple):
    """One request. With a `table`, an answer with rows is a breach; without one, every success is."""

    what: str
    verb: str
    path: str
    body: dict[str, Any] | None = None
    table: str | None = None


def attempts(scratch: Scratch) -> list[Attempt]:
    """All attempts. They aim at the doctor's own conversation, so that one that succeeds does no harm."""
    found = []
    for table, column in _COLUMNS.items():
        at = f"/rest/v1/{table}"
        own = f"{at}?{column}=eq.{scratch.conversation}"
        # Any row shows that the actor may read rows of others.
        found.append(Attempt(f"select {table}", "GET", f"{at}?limit=1", table=table))
        # A null that the table refuses: the error shows that the actor may insert, and nothing is stored.
        found.append(Attempt(f"insert {table}", "POST", at, {column: None}))
        found.append(Attempt(f"update {table}", "PATCH", own, {column: scratch.conversation}, table))
        found.append(Attempt(f"delete {table}", "DELETE", own, table=table))
    entry = {"kind": "update", "sender": {"role": "system"}, "changes": {"title": "forged"}}
    named = {"p_conversation": scratch.conversation}
    written = named | {"p_entry": json.dumps(entry), "p_author": "umbral-chat:doctor"}
    calls: dict[str, dict[str, Any]] = {
        "append": written,
        "update": written,
        "read": named,
        "messages": named,
        "conversation": named,
        "written_by": named | {"p_seq": 1, "p_authors": '["umbral-chat:doctor"]'},
        "heads": {"p_conversations": json.dumps([scratch.conversation])},
        "inbox": {"p_limit": 1},
        "member_topics": {"p_conversations": json.dumps([scratch.conversation])},
        "state": {},
        "signals_since": {"p_after": -1},
        "record_get": {"p_namespace": "core", "p_key": "realtime"},
        "probe": {"p_topic": scratch.topic, "p_nonce": "forged"},
        "diagnosis": {},
    }
    found += [Attempt(f"call umbral_chat_{n}", "POST", f"/rest/v1/rpc/umbral_chat_{n}", b) for n, b in calls.items()]
    return found


async def try_all(
    http: httpx.AsyncClient,
    headers: dict[str, str],
    scratch: Scratch,
    record: AccessRecord,
    slots: asyncio.Semaphore,
    *,
    own: bool = False,
) -> None:
    """Make each attempt, as `slots` allow, and add its outcome to `record`. `own`: the actor is a member, who may read
    READABLE."""

    async def one(attempt: Attempt) -> None:
        async with slots:
            outcome = await _outcome(http, headers, attempt)
        if outcome == "rows" and attempt.table is not None:
            record.read.add(attempt.table)
            if own and attempt.verb == "GET" and attempt.table in READABLE:
                return
        if outcome == "refused":
            record.refused += 1
        elif outcome in {"rows", "done"}:
            record.breaches.append(attempt.what)
        else:
            record.unclear.append(f"{attempt.what}: {outcome}")

    await asyncio.gather(*(one(attempt) for attempt in attempts(scratch)))


async def _outcome(http: httpx.AsyncClient, headers: dict[str, str], attempt: Attempt) -> str:
    """`refused` (also where no row was found), `rows`, `done`, or a text that says why it is unclear."""
    # An answer with rows takes the right to read them, whose lack must not hide the right to insert some.
    sent = headers | {"Prefer": "return=minimal" if attempt.verb == "POST" else "return=representation"}
    try:
        answer = await _request(http, attempt, sent)
    except httpx.HTTPError as error:
        return type(error).__name__
    try:
        parsed = answer.json() if answer.content else None
    except (ValueError, RecursionError):
        return f"{answer.status_code}, and no JSON"
    if answer.is_success:
        if attempt.table is None:
            return "done"
        return "rows" if parsed else "refused"
    code = str(parsed.get("code") or "") if isinstance(parsed, dict) else ""
    if answer.status_code in {401, 403} or code == "42501":
        return "refused"
    # SQLSTATE classes for wrong data: the request passed the access checks.
    if code[:2] in {"22", "23"}:
        return "done"
    return f"{answer.status_code} {code[:20]}".strip()


async def _request(http: httpx.AsyncClient, attempt: Attempt, headers: dict[str, str]) -> httpx.Response:
    """The answer, after one retry where the connection had just ended, which says nothing about rights. An attempt may
    be made twice without harm."""
    with suppress(httpx.NetworkError, httpx.RemoteProtocolError):
        answer = await http.request(attempt.verb, attempt.path, headers=headers, json=attempt.body)
        if answer.status_code not in _TRANSIENT:
            return answer
    return await http.request(attempt.verb, attempt.path, headers=headers, json=attempt.body)


__all__ = ["CONCURRENCY", "READABLE", "AccessRecord", "attempts", "try_all"]
