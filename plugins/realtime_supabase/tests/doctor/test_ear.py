"""The listener ends whatever it started, however Realtime behaves; and lines are looked at once, if at all."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import CheckResult
from umbral_chat_realtime_supabase.doctor.ear import HandshakeRefused, at_ease, listening
from umbral_chat_realtime_supabase.doctor.findings import Findings, Line, failed, skipped, well

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")

TOPIC = "umbral_chat:i:doctor-test"


async def ended(before: set[asyncio.Task[object]]) -> bool:
    """Whether nothing runs that did not run before; what was cancelled has a moment to end."""
    for _ in range(50):
        if not asyncio.all_tasks() - before:
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize("how", ["well", "join refused", "half open", "dropped"])
async def test_nothing_goes_on_after_it(stack: Stack, how: str) -> None:
    before = asyncio.all_tasks()
    if how == "join refused":
        await command(stack, "realtime/faults", refuse_join="Unauthorized: no")
    with at_ease(stack.url):
        async with listening(stack.url, stack.secret_key, [TOPIC, TOPIC + "2"]) as ear:
            if how == "join refused":
                assert set(ear.refusals.values()) == {"Unauthorized: no"}
            else:
                assert ear.refusals == {}
                # Without an answer, so that the client waits for one.
                await ear.send(TOPIC, "hello", {})
            if how in {"half open", "dropped"}:
                await command(stack, f"realtime/{how.replace(' ', '_').replace('dropped', 'drop')}")
            begun = time.monotonic()
    assert time.monotonic() - begun < 8
    assert await ended(before)


async def test_a_refused_handshake_is_told_with_its_status_and_without_the_key(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    await command(stack, "realtime/faults", refuse_status=403)
    caplog.set_level(logging.INFO)
    with at_ease("http://127.0.0.1:9"), pytest.raises(HandshakeRefused) as caught:
        async with listening(stack.url, stack.secret_key, [TOPIC]):
            raise AssertionError("it was let in")
    assert caught.value.status == 403
    assert stack.secret_key not in str(caught.value) + caplog.text
    assert [record for record in caplog.records if record.name.startswith("realtime")] == []
    assert await ended(before)


async def test_where_nobody_listens_there_is_no_status() -> None:
    with at_ease("http://127.0.0.1:9"), pytest.raises(HandshakeRefused) as caught:
        async with listening("http://127.0.0.1:9", "sb_secret_x", [TOPIC]):
            raise AssertionError("it was let in")
    assert caught.value.status is None


async def test_what_is_said_before_it_is_waited_for_is_found(stack: Stack) -> None:
    with at_ease(stack.url):
        async with listening(stack.url, stack.secret_key, [TOPIC]) as ear, listening(
            stack.url, stack.secret_key, [TOPIC]
        ) as other:  # fmt: skip
            await other.send(TOPIC, "hello", {"n": 1})
            heard = await ear.until(lambda each: each.event == "hello", 5)
            assert heard is not None
            assert heard.payload == {"n": 1}
            assert await ear.until(lambda each: each.event == "hello", 5) == heard
            assert await ear.until(lambda each: each.event == "other", 0.05) is None


async def found(*lines: Line) -> dict[str, CheckResult]:
    findings = Findings()
    findings.add(lines)
    return {line.name: await findings.of(line.name) for line in lines}


async def test_what_needs_a_line_that_is_not_well_is_skipped_and_so_is_what_needs_that() -> None:
    async def ill() -> CheckResult:
        return failed("no", "mend it")

    async def never() -> CheckResult:
        raise AssertionError("it was looked at")

    told = await found(Line("a", ill), Line("b", never, ("a",)), Line("c", never, ("b",)))
    assert [(each.ok, each.skipped) for each in told.values()] == [(False, False), (True, True), (True, True)]
    assert told["b"].detail == told["c"].detail == "cannot be looked at while “a” is not well"


async def test_a_line_is_looked_at_once_and_skipped_ones_pass_their_reason_on() -> None:
    looks = []

    async def idle() -> CheckResult:
        looks.append("idle")
        return skipped("no key is set")

    async def fine() -> CheckResult:
        return well("fine")

    findings = Findings()
    findings.add([Line("idle", idle), Line("after", fine, ("idle",)), Line("else", fine, ("not there",))])
    assert (await findings.of("after")).detail == "no key is set"
    assert (await findings.of("idle")).skipped
    assert looks == ["idle"]
    assert (await findings.of("else")).ok
    assert not await findings.is_well("idle")
    assert not await findings.is_well("not there")


async def test_a_call_that_fails_is_red_and_one_that_is_cancelled_stays_red() -> None:
    async def down() -> CheckResult:
        raise HistoryUnavailable("it is away")

    async def slow() -> CheckResult:
        await asyncio.sleep(60)
        raise AssertionError("it was waited for")

    findings = Findings()
    findings.add([Line("down", down), Line("slow", slow)])
    told = await findings.of("down")
    assert (told.ok, told.detail) == (False, "it is away")
    assert told.mend
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await findings.of("slow")
    assert not (await findings.of("slow")).ok
