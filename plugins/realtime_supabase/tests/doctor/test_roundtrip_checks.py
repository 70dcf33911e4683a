"""The checks of the way through Realtime: which part of it fails, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from umbral_chat_realtime_supabase.doctor import listener, roundtrip_checks
from umbral_chat_realtime_supabase.doctor.listener import Listener, open_listener
from umbral_chat_realtime_supabase.doctor.roundtrip_checks import RoundtripChecks

from plugins.realtime_supabase.tests.doctor.conftest import Connection, project_of
from plugins.realtime_supabase.tests.doctor.faults import Break, statements
from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")


PROBES, ENTRIES = "new.payload ? 'nonce'", "new.event = 'entry'"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roundtrip_checks, "PROBE_TIMEOUT", 0.2)


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        (401, "Is supabase.key of this project?"),
        (403, "suspended or switched off"),
        (404, "Is supabase.url right?"),
        (429, "A larger plan has more."),
        (500, "See status.supabase.com"),
    ],
)
async def test_the_mend_for_a_refused_handshake_depends_on_its_status(stack: Stack, status: int, mend: str) -> None:
    await command(stack, "realtime/faults", refuse_status=status)
    found = await RoundtripChecks(project_of(stack)).probe()
    assert not found.ok
    assert found.detail == f"Realtime refuses the WebSocket: HTTP {status}"
    assert mend in (found.mend or "")


async def test_a_join_that_is_never_answered_is_reported_as_that(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "JOIN_TIMEOUT", 0.3)
    await command(stack, "realtime/faults", stall=True)
    found = await RoundtripChecks(project_of(stack)).probe()
    assert not found.ok
    assert found.detail == "Realtime does not answer a join"
    assert "Realtime's logs" in (found.mend or "")


def obstructed(which: str, body: str) -> Break:
    """A trigger of the project's own runs `body` for each broadcast for which `which` is true."""
    return statements(
        f"create function public.obstruct() returns trigger language plpgsql as $$ begin {body}; end $$; "
        f"create trigger obstruct before insert on realtime.messages for each row when ({which}) "
        "execute function public.obstruct()",
        "drop function public.obstruct cascade; select setval('public.umbral_chat_broadcasts_failed', 0, false)",
    )


async def test_a_probe_that_the_database_cannot_store_is_reported_with_its_code(stack: Stack) -> None:
    async with obstructed(PROBES, "raise insufficient_privilege")(stack):
        found = await RoundtripChecks(project_of(stack)).probe()
    assert not found.ok
    assert found.detail == "the database could not store a broadcast (42501)"
    assert "The database's log says why." in (found.mend or "")


async def test_an_entry_whose_broadcast_fails_in_the_database_is_not_realtimes_fault(stack: Stack) -> None:
    async with obstructed(ENTRIES, "raise insufficient_privilege")(stack):
        found = await RoundtripChecks(project_of(stack)).entry()
    assert not found.ok
    assert found.detail == "an entry was stored, and its broadcast failed in the database"
    assert "search it for 'Umbral Chat'" in (found.mend or "")


async def test_an_entry_that_something_swallows_asks_for_another_trigger(stack: Stack) -> None:
    async with obstructed(ENTRIES, "return null")(stack):
        assert (await RoundtripChecks(project_of(stack)).probe()).ok
        found = await RoundtripChecks(project_of(stack)).entry()
    assert not found.ok
    assert found.detail == "a probe arrives, and an entry does not"
    assert (found.mend or "").startswith("Is another trigger on public.umbral_chat_entries in the way?")


@pytest.mark.parametrize("line", ["probe", "entry"])
async def test_a_partition_that_goes_once_a_client_has_joined_is_named(
    stack: Stack, admin: Connection, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    @asynccontextmanager
    async def then_gone(*given: Any) -> AsyncIterator[Listener]:
        async with open_listener(*given) as opened:
            admin.execute("select realtime.stand_in_no_partitions()")
            yield opened

    monkeypatch.setattr(roundtrip_checks, "open_listener", then_gone)
    found = await getattr(RoundtripChecks(project_of(stack)), line)()
    assert not found.ok
    assert found.detail == "realtime.messages has no partition of today, though a client has joined"
    assert "restart the project" in (found.mend or "")
