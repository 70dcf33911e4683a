"""On a project without faults every check passes, also through the command, and nothing is left behind."""

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
from umbral_chat_realtime_supabase.doctor import roundtrip_checks

from plugins.realtime_supabase.tests.doctor.conftest import Connection, Examine, everything, failures, skips
from tests.local_supabase.people import command
from tests.local_supabase.process import ROOT
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")

CHECKS = [
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
ACCESS_CHECKS = {name.removeprefix("supabase ") for name in CHECKS if "break-in" in name}


@pytest.mark.usefixtures("nothing_left")
async def test_every_check_passes_in_this_order(examine: Examine) -> None:
    found = await examine()
    assert list(found) == CHECKS
    assert {name: result.detail for name, result in found.items() if not result.ok or result.skipped} == {}
    assert "arrived after" in found["supabase realtime"].detail
    assert "arrived after" in found["supabase entry"].detail
    for name in CHECKS:
        if "break-in" in name:
            assert "topics and broadcasts too" in found[name].detail


@pytest.mark.usefixtures("never_joined")
async def test_a_project_in_which_no_client_ever_joined_passes(examine: Examine) -> None:
    found = await examine()
    assert {name: result.detail for name, result in found.items() if not result.ok or result.skipped} == {}


@pytest.mark.usefixtures("never_joined")
async def test_with_the_real_servers_pauses_it_passes_and_says_how_long_it_took(
    examine: Examine, stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    """The pauses are what is tested here: each refusal takes 5 s, and delays its socket."""
    await command(stack, "realtime/limits", error_pause=5.0, handshake_pause=2.0)
    begun = time.monotonic()
    found = await examine()
    record_property("examined", f"{time.monotonic() - begun:.0f} s")
    assert {name: result.detail for name, result in found.items() if not result.ok or result.skipped} == {}
    took = re.search(r"the project was examined in (\d+) s$", found["supabase traces"].detail)
    assert took is not None
    # One refusal for the partitions of a fresh project, and one round each of those whose joins are refused.
    stated = re.search(r"it takes (\d+) to (\d+) seconds", (ROOT / "docs/how-to/supabase.md").read_text("utf-8"))
    assert stated is not None
    assert int(stated[1]) <= int(took[1]) < int(stated[2]) <= 60


@pytest.mark.usefixtures("never_joined")
async def test_where_the_publication_is_never_made_its_check_fails(
    examine: Examine, stack: Stack, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip_checks, "POLLS", 2)
    await command(stack, "realtime/replication", on=False)
    admin.execute("select realtime.stand_in_partitions()")
    try:
        found = await examine(publishable_key=None)
    finally:
        await command(stack, "realtime/replication", on=True)
    assert failures(found) == {"publication"}
    assert "missing, though a client has joined" in found["supabase publication"].detail
    assert {"realtime", "partitions", "entry"} <= skips(found)


@pytest.mark.usefixtures("never_joined")
async def test_where_no_client_can_join_the_publication_is_not_blamed(examine: Examine, stack: Stack) -> None:
    await command(stack, "realtime/faults", refuse_join="DatabaseLackOfConnections: none is free")
    found = await examine(publishable_key=None)
    assert failures(found) == {"realtime"}
    assert {"publication", "partitions", "entry"} <= skips(found)
    assert "when the first client joins" in found["supabase publication"].detail


@pytest.mark.usefixtures("nothing_left")
async def test_legacy_keys_pass_too(examine: Examine, stack: Stack) -> None:
    found = await examine(key=Secret(stack.service_role_key), publishable_key=stack.anon_key)
    assert failures(found) == set()
    assert skips(found) == set()
    assert "legacy service_role key, until" in found["supabase key"].detail


async def test_without_the_publishable_key_no_access_check_runs_and_no_user_is_made(examine: Examine) -> None:
    found = await examine(publishable_key=None)
    assert failures(found) == set()
    assert skips(found) == {"publishable key"} | ACCESS_CHECKS
    assert "supabase.publishable_key is not set" in found["supabase break-in, stranger"].detail


async def test_without_a_key_only_checks_that_need_none_run(examine: Examine) -> None:
    found = await examine(key=None)
    assert list(found) == CHECKS[:4]
    assert failures(found) == skips(found) == set()


async def test_where_realtime_is_off_it_is_not_checked(examine: Examine) -> None:
    found = await examine(realtime=False, publishable_key=None)
    assert failures(found) == set()
    # Realtime makes the publication at the first join, so it is there only if another test joined before.
    assert skips(found) - {"publication"} == {"publishable key", "realtime", "entry"} | ACCESS_CHECKS
    assert "supabase.realtime is false" in found["supabase entry"].detail


async def test_privileged_checks_run_only_where_the_logs_are(stack: Stack) -> None:
    given = {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}
    for more, names in (({}, CHECKS), ({"CORE__HISTORY": "sqlite"}, CHECKS[:4])):
        settings, plugins = boot(None, {f"UMBRAL_CHAT_{name}": value for name, value in (given | more).items()})
        services = Service(settings, plugins, SystemClock()).parts
        try:
            assert [check.name for check in plugins.checks(services)] == names
        finally:
            services.base.telemetry.shutdown()


@pytest.mark.usefixtures("nothing_left")
async def test_where_passwords_are_off_anonymous_users_try(examine: Examine, stack: Stack) -> None:
    await command(stack, "auth/signing_in", on=False)
    try:
        found = await examine()
    finally:
        await command(stack, "auth/signing_in", on=True)
    assert failures(found) == set()
    assert skips(found) == set()


@pytest.mark.usefixtures("nothing_left")
async def test_with_realtime_switched_off_topics_are_not_tried(examine: Examine, admin: Connection) -> None:
    admin.execute("select public.umbral_chat_record_put('core', 'realtime', encode('{\"enabled\": false}', 'base64'))")
    try:
        found = await examine()
    finally:
        admin.execute("select public.umbral_chat_record_delete('core', 'realtime')")
    assert failures(found) == set()
    assert skips(found) == {"realtime", "entry"}
    assert "topics were not tried" in found["supabase break-in, stranger"].detail


async def test_a_policy_of_the_project_for_everybody_opens_none_of_our_topics(
    examine: Examine, admin: Connection
) -> None:
    admin.execute("create policy broad on realtime.messages for all using (true) with check (true)")
    try:
        found = await examine()
    finally:
        admin.execute("drop policy broad on realtime.messages")
    assert failures(found) == skips(found) == set()


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


async def test_the_command_passes_prints_no_secret_and_leaves_nothing(stack: Stack, admin: Connection) -> None:
    before = everything(admin)
    done = await run(stack, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    printed: dict[str, Any] = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in printed["checks"]}
    assert [states[name] for name in CHECKS] == ["ok"] * len(CHECKS)
    for secret in (stack.secret_key, stack.publishable_key, stack.jwt_secret):
        assert secret not in done.stdout
    assert everything(admin) == before


async def test_the_command_names_a_key_of_the_wrong_kind(stack: Stack) -> None:
    done = await run(stack, KEY=stack.publishable_key)
    assert done.returncode == 1
    assert "✗ settings" in done.stdout
    assert "the service needs the secret one (sb_secret_…)" in done.stdout
    assert stack.publishable_key not in done.stdout + done.stderr


async def test_the_command_prints_one_sentence_for_an_unusable_proxy_variable(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as given:
        given.setenv("ALL_PROXY", "socks5://me:hush@proxy.example:1080")
        for name in ("HTTPS_PROXY", "https_proxy", "all_proxy", "NO_PROXY", "no_proxy"):
            given.delenv(name, raising=False)
        # No server is called: the variable is refused before that.
        done = await run(stack, URL="https://abcdefghijklm.supabase.co")
    assert done.returncode == 1
    assert (
        "✗ supabase: The environment variable ALL_PROXY names a SOCKS proxy, and none is used here: set ALL_PROXY to "
        "an address such as http://proxy.example:3128, or name abcdefghijklm.supabase.co in NO_PROXY.\n"
    ) in done.stdout
    assert "– supabase key: not checked, since “supabase” failed" in done.stdout
    assert "hush" not in done.stdout + done.stderr
    assert done.stderr == ""


async def test_the_command_prints_the_fault_and_its_mend_and_logs_nothing(stack: Stack) -> None:
    done = await run(stack, KEY="sb_secret_nobody_has_this_one")
    assert done.returncode == 1
    assert "✗ supabase key: " in done.stdout
    assert "→ Set supabase.key" in done.stdout
    assert "– supabase schema: not checked, since “supabase key” failed" in done.stdout
    assert "sb_secret_nobody" not in done.stdout + done.stderr
    assert done.stderr == ""
