"""On a project that is well every line is, also through the command line, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from umbral_chat._core.plugins import boot
from umbral_chat._core.service import Service
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Secret
from umbral_chat_realtime_supabase.doctor import rounds

from plugins.realtime_supabase.tests.doctor.conftest import Connection, Examine, everything, not_looked_at, red
from tests.local_supabase.people import command
from tests.local_supabase.process import ROOT
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")

LINES = [
    "supabase",
    "supabase publishable key",
    "supabase users' keys",
    "supabase clock",
    "supabase key",
    "supabase schema",
    "supabase rights",
    "supabase trigger",
    "supabase publication",
    "supabase broadcasts",
    "supabase limits",
    "supabase realtime",
    "supabase partitions",
    "supabase entry",
    "supabase break-in, publishable key",
    "supabase break-in, stranger",
    "supabase break-in, member",
    "supabase break-in, removed member",
    "supabase break-in, forged token",
    "supabase traces",
]
PEOPLE = {name.removeprefix("supabase ") for name in LINES if "break-in" in name}


@pytest.mark.usefixtures("nothing_left")
async def test_every_line_is_well_in_this_order(examine: Examine) -> None:
    found = await examine()
    assert list(found) == LINES
    assert {name: result.detail for name, result in found.items() if not result.ok or result.skipped} == {}
    assert "came round in" in found["supabase realtime"].detail
    assert "came round in" in found["supabase entry"].detail
    for name in LINES:
        if "break-in" in name:
            assert "topics and broadcasts too" in found[name].detail


@pytest.mark.usefixtures("never_joined")
async def test_a_project_in_which_nobody_ever_joined_is_well(examine: Examine) -> None:
    found = await examine()
    assert {name: result.detail for name, result in found.items() if not result.ok or result.skipped} == {}


@pytest.mark.usefixtures("never_joined")
async def test_with_the_real_servers_pauses_it_is_well_and_says_how_long_it_took(
    examine: Examine, stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    """Here the pauses are what is tried: each refusal takes 5 s, and holds up its socket."""
    await command(stack, "realtime/limits", error_pause=5.0, handshake_pause=2.0)
    begun = time.monotonic()
    found = await examine()
    record_property("examined", f"{time.monotonic() - begun:.0f} s")
    assert {name: result.detail for name, result in found.items() if not result.ok or result.skipped} == {}
    said = re.search(r"the project was examined in (\d+) s$", found["supabase traces"].detail)
    assert said is not None
    # One refusal for the partitions of a fresh project, and one round each of those whose joins are refused.
    stated = re.search(r"it takes (\d+) to (\d+) seconds", (ROOT / "docs/how-to/supabase.md").read_text("utf-8"))
    assert stated is not None
    assert int(stated[1]) <= int(said[1]) < int(stated[2]) <= 60


@pytest.mark.usefixtures("never_joined")
async def test_where_the_publication_is_never_made_that_is_the_red_line(
    examine: Examine, stack: Stack, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LOOKS", 2)
    await command(stack, "realtime/replication", on=False)
    admin.execute("select realtime.stand_in_partitions()")
    try:
        found = await examine(publishable_key=None)
    finally:
        await command(stack, "realtime/replication", on=True)
    assert red(found) == {"publication"}
    assert "missing, though a client has joined" in found["supabase publication"].detail
    assert {"realtime", "partitions", "entry"} <= not_looked_at(found)


@pytest.mark.usefixtures("never_joined")
async def test_where_nobody_can_join_the_publication_is_not_to_blame(examine: Examine, stack: Stack) -> None:
    await command(stack, "realtime/faults", refuse_join="DatabaseLackOfConnections: none is free")
    found = await examine(publishable_key=None)
    assert red(found) == {"realtime"}
    assert {"publication", "partitions", "entry"} <= not_looked_at(found)
    assert "when the first client joins" in found["supabase publication"].detail


@pytest.mark.usefixtures("nothing_left")
async def test_legacy_keys_are_as_good(examine: Examine, stack: Stack) -> None:
    found = await examine(key=Secret(stack.service_role_key), publishable_key=stack.anon_key)
    assert red(found) == set()
    assert not_looked_at(found) == set()
    assert "legacy service_role key, until" in found["supabase key"].detail


async def test_without_the_publishable_key_nothing_is_tried_as_others_and_no_user_is_made(examine: Examine) -> None:
    found = await examine(publishable_key=None)
    assert red(found) == set()
    assert not_looked_at(found) == {"publishable key"} | PEOPLE
    assert "supabase.publishable_key is not set" in found["supabase break-in, stranger"].detail


async def test_without_a_key_only_what_needs_none_is_looked_at(examine: Examine) -> None:
    found = await examine(key=None)
    assert list(found) == LINES[:4]
    assert red(found) == not_looked_at(found) == set()


async def test_where_realtime_is_left_out_it_is_not_looked_at(examine: Examine) -> None:
    found = await examine(realtime=False, publishable_key=None)
    assert red(found) == set()
    assert not_looked_at(found) == {"publishable key", "realtime", "entry"} | PEOPLE
    assert "supabase.realtime is false" in found["supabase entry"].detail


async def test_the_plugin_looks_inside_only_where_the_logs_are(stack: Stack) -> None:
    given = {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}
    for more, names in (({}, LINES), ({"CORE__HISTORY": "sqlite"}, LINES[:4])):
        settings, plugins = boot(None, {f"UMBRAL_CHAT_{name}": value for name, value in (given | more).items()})
        services = Service(settings, plugins, SystemClock()).parts
        try:
            assert [check.name for check in plugins.checks(services)] == names
        finally:
            services.base.telemetry.shutdown()


@pytest.mark.usefixtures("nothing_left")
async def test_where_passwords_are_off_users_without_one_try(examine: Examine, stack: Stack) -> None:
    await command(stack, "auth/signing_in", on=False)
    try:
        found = await examine()
    finally:
        await command(stack, "auth/signing_in", on=True)
    assert red(found) == set()
    assert not_looked_at(found) == set()


@pytest.mark.usefixtures("nothing_left")
async def test_with_realtime_switched_off_topics_are_not_tried(examine: Examine, admin: Connection) -> None:
    admin.execute("select public.umbral_chat_record_put('core', 'realtime', encode('{\"enabled\": false}', 'base64'))")
    try:
        found = await examine()
    finally:
        admin.execute("select public.umbral_chat_record_delete('core', 'realtime')")
    assert red(found) == set()
    assert not_looked_at(found) == {"realtime", "entry"}
    assert "topics were not tried" in found["supabase break-in, stranger"].detail


async def test_a_policy_of_the_project_for_everybody_opens_none_of_our_topics(
    examine: Examine, admin: Connection
) -> None:
    admin.execute("create policy broad on realtime.messages for all using (true) with check (true)")
    try:
        found = await examine()
    finally:
        admin.execute("drop policy broad on realtime.messages")
    assert red(found) == not_looked_at(found) == set()


async def run(stack: Stack, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {"URL": stack.url, "KEY": stack.secret_key, "PUBLISHABLE_KEY": stack.publishable_key} | environ
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "umbral_chat", "--url", "http://127.0.0.1:9", "doctor", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={k: v for k, v in os.environ.items() if not k.startswith("UMBRAL_CHAT_")}
        | {f"UMBRAL_CHAT_SUPABASE__{name}": value for name, value in given.items()},
    )


async def test_the_command_is_green_says_no_secret_and_leaves_nothing(stack: Stack, admin: Connection) -> None:
    before = everything(admin)
    done = await run(stack, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, Any] = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert [states[name] for name in LINES] == ["ok"] * len(LINES)
    for secret in (stack.secret_key, stack.publishable_key, stack.jwt_secret):
        assert secret not in done.stdout
    assert everything(admin) == before


async def test_the_command_names_a_key_that_is_of_the_wrong_kind(stack: Stack) -> None:
    done = await run(stack, KEY=stack.publishable_key)
    assert done.returncode == 1
    assert "✗ settings" in done.stdout
    assert "the service needs the secret one (sb_secret_…)" in done.stdout
    assert stack.publishable_key not in done.stdout + done.stderr


async def test_the_command_says_of_a_proxy_variable_that_is_wrong_the_sentence_alone(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as given:
        given.setenv("ALL_PROXY", "socks5://me:hush@proxy.example:1080")
        for name in ("HTTPS_PROXY", "https_proxy", "all_proxy", "NO_PROXY", "no_proxy"):
            given.delenv(name, raising=False)
        # Nobody is asked: the variable is wrong before that.
        done = await run(stack, URL="https://abcdefghijklm.supabase.co")
    assert done.returncode == 1
    assert (
        "✗ supabase: The environment variable ALL_PROXY names a SOCKS proxy, and none is used here: set ALL_PROXY to "
        "an address such as http://proxy.example:3128, or name abcdefghijklm.supabase.co in NO_PROXY.\n"
    ) in done.stdout
    assert "– supabase key: cannot be looked at while “supabase” is not well" in done.stdout
    assert "hush" not in done.stdout + done.stderr
    assert done.stderr == ""


async def test_the_command_says_what_is_wrong_and_how_to_mend_it_and_logs_nothing(stack: Stack) -> None:
    done = await run(stack, KEY="sb_secret_nobody_has_this_one")
    assert done.returncode == 1
    assert "✗ supabase key: " in done.stdout
    assert "→ Set supabase.key" in done.stdout
    assert "– supabase schema: cannot be looked at while “supabase key” is not well" in done.stdout
    assert "sb_secret_nobody" not in done.stdout + done.stderr
    assert done.stderr == ""
