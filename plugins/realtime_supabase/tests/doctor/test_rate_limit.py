"""When the rate is used up while the doctor runs, its next check blames that, and not replication."""

from __future__ import annotations

import pytest
from umbral_chat._core.http.operations import run_check
from umbral_chat.clock import SystemClock
from umbral_chat.providers.edges import CheckResult
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.doctor import access_trial, checks, roundtrip_checks
from umbral_chat_realtime_supabase.settings import Supabase

from plugins.realtime_supabase.tests.doctor.conftest import LONG_TIMEOUT
from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")

USED_UP = "the plan's messages a second are used up (0 a second)"


async def after(stack: Stack, last: str) -> dict[str, CheckResult]:
    """The results of the checks after `last`, which passes, when the rate is used up directly after it."""
    settings = Supabase(
        url=stack.url, key=Secret(stack.secret_key), publishable_key=stack.publishable_key, timeout=LONG_TIMEOUT
    )
    lines = {line.name: line for line in checks(settings, SystemClock(), Telemetry(None))}
    assert (await run_check(lines[last])).ok
    await command(stack, "realtime/limits", events_per_second=0)
    names = list(lines)
    return {name: await run_check(lines[name]) for name in names[names.index(last) + 1 :]}


async def test_an_entry_does_not_arrive_since_the_rate_is_used_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip_checks, "PROBE_TIMEOUT", 0.3)
    found = (await after(stack, "supabase realtime"))["supabase entry"]
    assert not found.ok
    assert found.detail == f"a probe arrived, and an entry did not: {USED_UP}"
    assert "a larger plan" in (found.mend or "")
    assert "restart" not in (found.mend or "")


async def test_no_broadcast_of_the_access_trial_arrives_since_the_rate_is_used_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_trial, "TIMEOUT", 0.3)
    found = {name: result for name, result in (await after(stack, "supabase entry")).items() if "break-in" in name}
    assert len(found) == 5
    for result in found.values():
        assert not result.ok
        assert f"broadcasts: the service's own did not arrive either: {USED_UP}" in result.detail
        assert "a larger plan" in (result.mend or "")
        assert "Try again" not in (result.mend or "")
    removed = found["supabase break-in, removed member"].detail
    assert f"receive after the removal: the service did not receive it either: {USED_UP}" in removed
