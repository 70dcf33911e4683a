"""The checks of the database by what it reports about itself, also where that would take a restart to produce."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.providers.edges import CheckResult
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.doctor import database_checks
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.settings import Supabase

CheckFunction = Callable[[Project], Awaitable[CheckResult]]
Answer = dict[str, Any]

URL = "https://abcdefghijklm.supabase.co"
NO_DRIFT: Answer = {"unguarded": [], "granted": [], "missing_policies": [], "foreign_policies": [], "unpinned": []}
REPLICATING: Answer = {
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
DIAGNOSIS: Answer = {
    "now": "2027-01-01T12:00:00Z",
    "triggers": {"umbral_chat_broadcast": "on", "umbral_chat_move": "on"},
    "payload_limit": 200_000,
    "connections": 54,
    "connections_limit": 60,
}
NONE = {"failed": 0, "unpartitioned": 0, "head_only": 0, "unerased": 0}


async def result(
    mock: HTTPXMock,
    line: CheckFunction,
    *,
    shards: int = 8,
    openings: Answer | None = None,
    outlet: Answer | None = None,
    **more: Any,
) -> CheckResult:
    """The check's result where the database reports this, and otherwise no fault."""
    diagnosis = DIAGNOSIS | {"openings": NO_DRIFT | (openings or {}), "outlet": REPLICATING | (outlet or {})} | more
    state = {"schema": "1", "realtime": True, "shards": shards, "broadcasts": NONE}
    for name, answer in (("diagnosis", diagnosis), ("state", state)):
        mock.add_response(url=f"{URL}/rest/v1/rpc/umbral_chat_{name}", json=answer, is_reusable=True, is_optional=True)
    return await line(project())


def project() -> Project:
    return Project(Supabase(url=URL, key=Secret("sb_secret_x")), SystemClock(), Telemetry(None))


@pytest.mark.parametrize(
    "line",
    [
        database_checks.rights,
        database_checks.trigger,
        database_checks.publication,
        database_checks.broadcasts,
        database_checks.limits,
    ],
)
async def test_without_faults_each_check_passes(httpx_mock: HTTPXMock, line: CheckFunction) -> None:
    assert (await result(httpx_mock, line)).ok


@pytest.mark.parametrize(
    ("line", "given", "detail", "mend"),
    [
        (
            database_checks.publication,
            {"outlet": {"wal_level": "replica", "publication": False}},
            "wal_level is replica",
            "`alter system set wal_level = logical`, and restart PostgreSQL",
        ),
        (
            database_checks.publication,
            {"outlet": {"uncovered": ["messages_2027_01_01", "messages_2027_01_02"]}},
            "leaves out messages_2027_01_01, messages_2027_01_02",
            "set table realtime.messages`",
        ),
        (
            database_checks.limits,
            {"outlet": {"slots": 5, "decoding": False}},
            "all 5 replication slots are taken, and Realtime needs one",
            "Drop a slot that has no reader",
        ),
        (database_checks.limits, {"connections": 55}, "55 of 60 connections of the database are in use", "pooler"),
        (
            database_checks.limits,
            {"shards": 100},
            "an instance joins 101 channels, and a connection may have 100",
            "Lower `shards`",
        ),
        (
            database_checks.rights,
            {"openings": {"unguarded": ["umbral_chat_entries"]}},
            "no row level security",
            "supabase sql",
        ),
        (
            database_checks.trigger,
            {"triggers": {"umbral_chat_broadcast": None, "umbral_chat_move": "on"}},
            "the trigger umbral_chat_broadcast is missing: no entry is broadcast",
            "supabase sql",
        ),
    ],
    ids=["wal_level", "partitions left out", "slots", "connections", "shards", "ours unguarded", "no trigger"],
)
async def test_each_fault_that_the_database_reports_fails_its_check(
    httpx_mock: HTTPXMock, line: CheckFunction, given: Answer, detail: str, mend: str
) -> None:
    found = await result(httpx_mock, line, **given)
    assert not found.ok
    assert detail in found.detail
    assert mend in (found.mend or "")


async def test_values_at_their_limits_pass(httpx_mock: HTTPXMock) -> None:
    # The last slot is Realtime's own.
    found = await result(httpx_mock, database_checks.limits, shards=99, outlet={"slots": 5})
    assert found.ok
    assert found.detail.startswith("100 of 100 channels; ")


@pytest.mark.parametrize("code", ["PGRST202", "42P01"], ids=["functions", "tables"])
async def test_a_database_without_our_schema_asks_for_the_migrations(httpx_mock: HTTPXMock, code: str) -> None:
    httpx_mock.add_response(status_code=404, json={"code": code, "message": "", "details": None, "hint": None})
    found = await database_checks.schema(project())
    assert not found.ok
    assert found.detail == "the database lacks Umbral Chat's tables or functions"
    assert "`umbral-chat supabase migrate`" in (found.mend or "")
    assert "`notify pgrst, 'reload schema'`" in (found.mend or "")
