"""Each fault fails its own check, with the mend, and no other; checks that it hides are skipped; nothing remains."""

from __future__ import annotations

import psycopg
import pytest
from umbral_chat._core.http.operations import run_check
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.doctor import checks
from umbral_chat_realtime_supabase.migration_files import migrations
from umbral_chat_realtime_supabase.settings import Supabase

from plugins.realtime_supabase.tests.doctor.conftest import (
    LONG_TIMEOUT,
    Connection,
    Examine,
    everything,
    failures,
    skips,
)
from plugins.realtime_supabase.tests.doctor.faults import ACCESS_CHECKS, FAULTS, Fault
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_its_check_fails_with_its_mend_and_no_other(
    fault: Fault, stack: Stack, admin: Connection, examine: Examine
) -> None:
    before = everything(admin)
    async with fault.breaking(stack) as given:
        during = everything(admin)
        found = await examine(**({} if fault.access else {"publishable_key": None}) | given)
        assert everything(admin) == during
    assert failures(found) == set(fault.failing)
    assert skips(found) == fault.skipped | (frozenset() if fault.access else ACCESS_CHECKS | {"publishable key"})
    first = found[fault.failing[0] if fault.failing[0] == "supabase" else f"supabase {fault.failing[0]}"]
    assert fault.detail in first.detail
    assert fault.mend in (first.mend or "")
    assert all(result.mend for result in found.values() if not result.ok)
    assert everything(admin) == before


@pytest.mark.usefixtures("nothing_left")
async def test_the_sql_that_is_printed_mends_rights_triggers_and_policies(
    stack: Stack, admin: Connection, examine: Examine
) -> None:
    admin.execute(
        "alter table public.umbral_chat_records disable row level security; "
        "grant all on public.umbral_chat_members to anon; "
        "grant execute on function public.umbral_chat_new_epochs to authenticated; "
        "drop policy umbral_chat_members_listen on realtime.messages; "
        "drop trigger umbral_chat_broadcast on public.umbral_chat_entries"
    )
    try:
        found = await examine(publishable_key=None)
    finally:
        with psycopg.connect(stack.db_url, autocommit=True) as connection:
            for each in migrations():
                connection.execute(each.text.encode())
    assert failures(found) == {"rights", "trigger"}
    for words in (
        "no row level security on umbral_chat_records",
        "table umbral_chat_members: delete for anon",
        "umbral_chat_members_listen on realtime.messages",
    ):
        assert words in found["supabase rights"].detail
    assert failures(await examine(publishable_key=None)) == set()


async def test_only_the_doctors_own_conversations_are_deleted_without_trace(stack: Stack, admin: Connection) -> None:
    admin.execute(
        "select public.umbral_chat_append('room', "
        '\'{"kind":"message","sender":{"role":"user"},"message_id":"m","content":"said"}\', \'u\')'
    )
    before = everything(admin)
    for name in ("room", "umbral-chat-doctor:", "umbral-chat-doctor:" + "0" * 31, "x-umbral-chat-doctor:" + "0" * 32):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            admin.execute("select public.umbral_chat_diagnosis_end(%s)", (name,))
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        admin.execute("select public.umbral_chat_diagnosis_end(null)")
    admin.execute("select public.umbral_chat_diagnosis_end(%s)", ("umbral-chat-doctor:" + "0" * 32,))
    assert everything(admin) == before


async def test_records_of_running_instances_about_it_are_deleted_too(stack: Stack, admin: Connection) -> None:
    before = everything(admin)
    name = "umbral-chat-doctor:" + "a" * 32
    for statement in (
        'umbral_chat_update(%(name)s, \'{"kind":"update","sender":{"role":"system"},"changes":{}}\', \'u\')',
        "umbral_chat_mark_read(%(name)s, 'u', 1)",
        "umbral_chat_record_put('consumer:bridge', %(name)s, 'c2VjcmV0')",
        "umbral_chat_lease_acquire('consumer:bridge:' || %(name)s, 'holder', 60)",
        "umbral_chat_delete(%(name)s)",
        "umbral_chat_diagnosis_end(%(name)s)",
    ):
        admin.execute(f"select public.{statement}".encode(), {"name": name})
    assert everything(admin) == before


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5])
async def test_a_check_that_is_interrupted_fails_and_leaves_nothing(stack: Stack, seconds: float) -> None:
    settings = Supabase(
        url=stack.url, key=Secret(stack.secret_key), publishable_key=stack.publishable_key, timeout=LONG_TIMEOUT
    )
    lines = {line.name: line for line in checks(settings, SystemClock(), Telemetry(None))}
    assert (await run_check(lines["supabase entry"])).ok
    interrupted = await run_check(lines["supabase break-in, publishable key"], seconds)
    assert (interrupted.ok, interrupted.detail) == (False, f"no answer within {seconds:g} s")
    others = [await run_check(line) for name, line in lines.items() if "break-in" in name]
    assert not others[0].ok
    assert {other.detail for other in others[1:]} == {"the trial did not finish"}
    assert (await run_check(lines["supabase traces"])).ok


async def test_broadcasts_that_cannot_be_removed_are_named(stack: Stack, admin: Connection, examine: Examine) -> None:
    admin.execute(
        "create function public.refuse() returns trigger language plpgsql as "
        "$$ begin raise insufficient_privilege; end $$; "
        "create trigger refuse before delete on realtime.messages for each row execute function public.refuse()"
    )
    try:
        found = await examine(publishable_key=None)
    finally:
        admin.execute("drop function public.refuse cascade; delete from realtime.messages")
    assert failures(found) == {"traces"}
    rows = admin.execute("select count(*) from public.umbral_chat_conversations").fetchone()
    assert rows == (0,)
    assert "broadcasts of umbral-chat-doctor:" in found["supabase traces"].detail
    assert "(42501)" in found["supabase traces"].detail
