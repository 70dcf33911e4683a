"""The listener ends every task that it started, however Realtime behaves; and a check runs once at most."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import CheckResult
from umbral_chat_realtime_supabase.doctor.check_graph import CheckGraph, DependentCheck, failed, passed, skipped
from umbral_chat_realtime_supabase.doctor.listener import HandshakeRefused, client_defaults_suspended, open_listener

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")

TOPIC = "umbral_chat:i:doctor-test"


async def ended(before: set[asyncio.Task[object]]) -> bool:
    """Whether no task runs that did not run before; cancelled ones get a moment to end."""
    for _ in range(50):
        if not asyncio.all_tasks() - before:
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize("how", ["well", "join refused", "half open", "dropped"])
async def test_no_task_outlives_it(stack: Stack, how: str) -> None:
    before = asyncio.all_tasks()
    if how == "join refused":
        await command(stack, "realtime/faults", refuse_join="Unauthorized: no")
    with client_defaults_suspended(stack.url):
        async with open_listener(stack.url, stack.secret_key, [TOPIC, TOPIC + "2"]) as listener:
            if how == "join refused":
                assert set(listener.refusals.values()) == {"Unauthorized: no"}
            else:
                assert listener.refusals == {}
                # Without an answer, so that the client waits for one.
                await listener.send(TOPIC, "hello", {})
            if how in {"half open", "dropped"}:
                await command(stack, f"realtime/{how.replace(' ', '_').replace('dropped', 'drop')}")
            begun = time.monotonic()
    assert time.monotonic() - begun < 8
    assert await ended(before)


async def test_a_refused_handshake_is_reported_with_its_status_and_without_the_key(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    await command(stack, "realtime/faults", refuse_status=403)
    caplog.set_level(logging.INFO)
    with client_defaults_suspended("http://127.0.0.1:9"), pytest.raises(HandshakeRefused) as caught:
        async with open_listener(stack.url, stack.secret_key, [TOPIC]):
            raise AssertionError("the handshake succeeded")
    assert caught.value.status == 403
    assert stack.secret_key not in str(caught.value) + caplog.text
    assert [record for record in caplog.records if record.name.startswith("realtime")] == []
    assert await ended(before)


async def test_a_closed_port_has_no_status() -> None:
    with client_defaults_suspended("http://127.0.0.1:9"), pytest.raises(HandshakeRefused) as caught:
        async with open_listener("http://127.0.0.1:9", "sb_secret_x", [TOPIC]):
            raise AssertionError("the handshake succeeded")
    assert caught.value.status is None


async def test_a_broadcast_that_arrived_before_the_wait_is_found(stack: Stack) -> None:
    with client_defaults_suspended(stack.url):
        async with open_listener(stack.url, stack.secret_key, [TOPIC]) as listener, open_listener(
            stack.url, stack.secret_key, [TOPIC]
        ) as other:  # fmt: skip
            await other.send(TOPIC, "hello", {"n": 1})
            received = await listener.wait_for(lambda each: each.event == "hello", 5)
            assert received is not None
            assert received.payload == {"n": 1}
            assert await listener.wait_for(lambda each: each.event == "hello", 5) == received
            assert await listener.wait_for(lambda each: each.event == "other", 0.05) is None


async def results(*checks: DependentCheck) -> dict[str, CheckResult]:
    graph = CheckGraph()
    graph.add(checks)
    return {check.name: await graph.result(check.name) for check in checks}


async def test_a_check_that_needs_a_failed_one_is_skipped_and_so_are_those_that_need_it() -> None:
    async def broken() -> CheckResult:
        return failed("no", "mend it")

    async def never() -> CheckResult:
        raise AssertionError("it ran")

    found = await results(
        DependentCheck("a", broken), DependentCheck("b", never, ("a",)), DependentCheck("c", never, ("b",))
    )
    assert [(each.ok, each.skipped) for each in found.values()] == [(False, False), (True, True), (True, True)]
    assert found["b"].detail == found["c"].detail == "not checked, since “a” failed"


async def test_a_check_runs_once_and_a_skipped_one_passes_its_reason_on() -> None:
    runs = []

    async def idle() -> CheckResult:
        runs.append("idle")
        return skipped("no key is set")

    async def fine() -> CheckResult:
        return passed("fine")

    graph = CheckGraph()
    graph.add(
        [
            DependentCheck("idle", idle),
            DependentCheck("after", fine, ("idle",)),
            DependentCheck("else", fine, ("not there",)),
        ]
    )
    assert (await graph.result("after")).detail == "no key is set"
    assert (await graph.result("idle")).skipped
    assert runs == ["idle"]
    assert (await graph.result("else")).ok
    assert not await graph.has_passed("idle")
    assert not await graph.has_passed("not there")


async def test_a_call_that_fails_and_a_check_that_is_cancelled_fail() -> None:
    async def down() -> CheckResult:
        raise HistoryUnavailable("it is away")

    async def slow() -> CheckResult:
        await asyncio.sleep(60)
        raise AssertionError("it was waited for")

    graph = CheckGraph()
    graph.add([DependentCheck("down", down), DependentCheck("slow", slow)])
    down_result = await graph.result("down")
    assert (down_result.ok, down_result.detail) == (False, "it is away")
    assert down_result.mend
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await graph.result("slow")
    assert not (await graph.result("slow")).ok
