"""One person's attempts through REST, and what came of each."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from umbral_chat_realtime_supabase.doctor.project import Trial

AT_ONCE = 8
"""Attempts of one person at a time."""

_PASSING = frozenset({502, 503})
"""What a gateway answers when the server behind it ended a connection, or is away for a moment."""

READABLE = ("umbral_chat_conversations", "umbral_chat_entries")
"""Tables of which a member reads its own."""

_COLUMNS = {
    "umbral_chat_conversations": "id",
    "umbral_chat_entries": "conversation",
    "umbral_chat_members": "conversation",
    "umbral_chat_writes": "author",
    "umbral_chat_records": "key",
    "umbral_chat_settings": "name",
}
"""Tables that are tried, each with a column that must not be null or that its rows are found by."""


@dataclass
class Record:
    """What came of one person's attempts."""

    refused: int = 0
    breaches: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    """Tables of which rows were seen."""
    rate: str | None = None
    """That the plan's rate was used up, where that is why something is unclear."""


class Attempt(NamedTuple):
    """One request. `table`: rows of it are what is sought."""

    what: str
    verb: str
    path: str
    body: dict[str, Any] | None = None
    table: str | None = None


def attempts(trial: Trial) -> list[Attempt]:
    """All of them. They aim at the trial's own conversation, so that one that succeeds does no harm."""
    found = []
    for table, column in _COLUMNS.items():
        at = f"/rest/v1/{table}"
        mine = f"{at}?{column}=eq.{trial.conversation}"
        # Whoever may read everything sees a row whatever it is.
        found.append(Attempt(f"select {table}", "GET", f"{at}?limit=1", table=table))
        # A null that the table refuses: who gets that far was let in, and nothing is stored.
        found.append(Attempt(f"insert {table}", "POST", at, {column: None}))
        found.append(Attempt(f"update {table}", "PATCH", mine, {column: trial.conversation}, table))
        found.append(Attempt(f"delete {table}", "DELETE", mine, table=table))
    entry = {"kind": "update", "sender": {"role": "system"}, "changes": {"title": "forged"}}
    named = {"p_conversation": trial.conversation}
    written = named | {"p_entry": json.dumps(entry), "p_author": "umbral-chat:doctor"}
    calls: dict[str, dict[str, Any]] = {
        "append": written,
        "update": written,
        "read": named,
        "messages": named,
        "conversation": named,
        "heads": {"p_conversations": json.dumps([trial.conversation])},
        "inbox": {"p_limit": 1},
        "member_topics": {"p_conversations": json.dumps([trial.conversation])},
        "state": {},
        "signals_since": {"p_after": -1},
        "record_get": {"p_namespace": "core", "p_key": "realtime"},
        "probe": {"p_topic": trial.topic, "p_nonce": "forged"},
        "diagnosis": {},
    }
    found += [Attempt(f"call umbral_chat_{n}", "POST", f"/rest/v1/rpc/umbral_chat_{n}", b) for n, b in calls.items()]
    return found


async def try_all(
    http: httpx.AsyncClient, headers: dict[str, str], trial: Trial, record: Record, *, own: bool = False
) -> None:
    """Try each, and note what came of it. `own`: a member, who reads the tables that members read."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(attempt: Attempt) -> None:
        async with free:
            outcome = await _try(http, headers, attempt)
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

    await asyncio.gather(*(one(attempt) for attempt in attempts(trial)))


async def _try(http: httpx.AsyncClient, headers: dict[str, str], attempt: Attempt) -> str:
    """`refused` (also: nothing was found), `rows`, `done`, or words."""
    # To be answered with rows takes the right to read them, which must not hide the right to add some.
    asked = headers | {"Prefer": "return=minimal" if attempt.verb == "POST" else "return=representation"}
    try:
        answer = await _answered(http, attempt, asked)
    except httpx.HTTPError as error:
        return type(error).__name__
    try:
        told = answer.json() if answer.content else None
    except (ValueError, RecursionError):
        return f"{answer.status_code}, and no JSON"
    if answer.is_success:
        if attempt.table is None:
            return "done"
        return "rows" if told else "refused"
    code = str(told.get("code") or "") if isinstance(told, dict) else ""
    if answer.status_code in {401, 403} or code == "42501":
        return "refused"
    # A class of SQLSTATE that complains of the data: it was let in.
    if code[:2] in {"22", "23"}:
        return "done"
    return f"{answer.status_code} {code[:20]}".strip()


async def _answered(http: httpx.AsyncClient, attempt: Attempt, headers: dict[str, str]) -> httpx.Response:
    """The answer; asked for once more where a connection had just ended, which says nothing of who may do what. No
    attempt does harm when it is made twice."""
    with suppress(httpx.NetworkError, httpx.RemoteProtocolError):
        answer = await http.request(attempt.verb, attempt.path, headers=headers, json=attempt.body)
        if answer.status_code not in _PASSING:
            return answer
    return await http.request(attempt.verb, attempt.path, headers=headers, json=attempt.body)


__all__ = ["READABLE", "Record", "attempts", "try_all"]
