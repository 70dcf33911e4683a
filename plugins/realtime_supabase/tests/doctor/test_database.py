"""Lines about the database, of what it says of itself: also what no test can have of it, since it takes a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.providers.edges import CheckResult
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.doctor import database
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.settings import Supabase

Line = Callable[[Project], Awaitable[CheckResult]]
Said = dict[str, Any]

URL = "https://abcdefghijklm.supabase.co"
OPENINGS: Said = {"unguarded": [], "granted": [], "missing_policies": [], "foreign_policies": [], "unpinned": []}
OUTLET: Said = {
    "publication": True,
    "publishes_inserts": True,
    "covers": True,
    "uncovered": [],
    "missing_days": [],
    "wal_level": "logical",
    "slots": 1,
    "slots_limit": 5,
    "decoding": True,
}
DIAGNOSIS: Said = {
    "now": "2027-01-01T12:00:00Z",
    "triggers": {"umbral_chat_broadcast": "on", "umbral_chat_move": "on"},
    "payload_limit": 200_000,
    "connections": 54,
    "connections_limit": 60,
}
NONE = {"failed": 0, "unpartitioned": 0, "head_only": 0, "unerased": 0}


async def told(
    mock: HTTPXMock,
    line: Line,
    *,
    shards: int = 8,
    openings: Said | None = None,
    outlet: Said | None = None,
    **more: Any,
) -> CheckResult:
    """What the line says where the database says this, and else that all is well."""
    diagnosis = DIAGNOSIS | {"openings": OPENINGS | (openings or {}), "outlet": OUTLET | (outlet or {})} | more
    state = {"schema": "1", "realtime": True, "shards": shards, "broadcasts": NONE}
    for name, said in (("diagnosis", diagnosis), ("state", state)):
        mock.add_response(url=f"{URL}/rest/v1/rpc/umbral_chat_{name}", json=said, is_reusable=True, is_optional=True)
    return await line(project())


def project() -> Project:
    return Project(Supabase(url=URL, key=Secret("sb_secret_x")), SystemClock(), Telemetry(None))


@pytest.mark.parametrize(
    "line", [database.rights, database.trigger, database.publication, database.broadcasts, database.limits]
)
async def test_where_all_is_as_it_should_be_it_is_well(httpx_mock: HTTPXMock, line: Line) -> None:
    assert (await told(httpx_mock, line)).ok


@pytest.mark.parametrize(
    ("line", "given", "detail", "mend"),
    [
        (
            database.publication,
            {"outlet": {"wal_level": "replica", "publication": False}},
            "wal_level is replica",
            "`alter system set wal_level = logical`, and restart PostgreSQL",
        ),
        (
            database.publication,
            {"outlet": {"uncovered": ["messages_2027_01_01", "messages_2027_01_02"]}},
            "leaves out messages_2027_01_01, messages_2027_01_02",
            "set table realtime.messages`",
        ),
        (
            database.limits,
            {"outlet": {"slots": 5, "decoding": False}},
            "all 5 replication slots are taken, and Realtime needs one",
            "Drop a slot that nobody reads",
        ),
        (database.limits, {"connections": 55}, "55 of 60 connections of the database are in use", "pooler"),
        (
            database.limits,
            {"shards": 100},
            "an instance joins 101 channels, and a connection may have 100",
            "Lower `shards`",
        ),
        (
            database.rights,
            {"openings": {"unguarded": ["umbral_chat_entries"]}},
            "no row level security",
            "supabase sql",
        ),
        (
            database.trigger,
            {"triggers": {"umbral_chat_broadcast": None, "umbral_chat_move": "on"}},
            "the trigger umbral_chat_broadcast is missing: no entry is broadcast",
            "supabase sql",
        ),
    ],
    ids=["wal_level", "partitions left out", "slots", "connections", "shards", "ours unguarded", "no trigger"],
)
async def test_what_the_database_says_makes_its_line_red(
    httpx_mock: HTTPXMock, line: Line, given: Said, detail: str, mend: str
) -> None:
    found = await told(httpx_mock, line, **given)
    assert not found.ok
    assert detail in found.detail
    assert mend in (found.mend or "")


async def test_what_is_at_its_limit_and_not_beyond_it_is_well(httpx_mock: HTTPXMock) -> None:
    # The last slot is Realtime's own.
    found = await told(httpx_mock, database.limits, shards=99, outlet={"slots": 5})
    assert found.ok
    assert found.detail.startswith("100 of 100 channels; ")


@pytest.mark.parametrize("code", ["PGRST202", "42P01"], ids=["functions", "tables"])
async def test_what_is_missing_altogether_asks_for_the_migrations(httpx_mock: HTTPXMock, code: str) -> None:
    httpx_mock.add_response(status_code=404, json={"code": code, "message": "", "details": None, "hint": None})
    found = await database.schema(project())
    assert not found.ok
    assert found.detail == "the database lacks Umbral Chat's tables or functions"
    assert "`umbral-chat supabase migrate`" in (found.mend or "")
    assert "`notify pgrst, 'reload schema'`" in (found.mend or "")
