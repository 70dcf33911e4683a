"""What polls report of presence, and how they hold a device."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import httpx
import pytest

from .conftest import MUCH, Caller, Instance, Json, Start

MUCH_LESS = 10
"""Seconds that a busy machine may take, and far from the 40 that a poll would wait."""


def long_poll(caller: Caller, **query: Any) -> asyncio.Task[Json]:
    return asyncio.create_task(caller.poll(wait=40, **query))


async def waits(service: Instance, poll: asyncio.Task[Any]) -> None:
    """Until it does."""
    for _ in range(1000):
        if service.app.state.services.feeds.readers.count:
            return
        assert not poll.done(), poll.result()
        await asyncio.sleep(0.005)
    raise AssertionError("it does not wait")


async def test_a_poll_tells_the_list_and_null_to_who_has_it(n8n: Caller, ada: Caller) -> None:
    await ada.here()
    first = await n8n.poll()
    assert first["presence"]["count"] == 1
    version = first["presence"]["version"]
    assert version == (await n8n.who())["version"]
    again = await n8n.poll(presence=version)
    assert (again["presence"], again["typing"]) == (None, [])
    await ada.types()
    again = await n8n.poll(presence=version)
    assert (again["presence"], len(again["typing"])) == (None, 1)
    await ada.here(device="other", status="busy")
    assert (await n8n.poll(presence=version))["presence"]["people"][0]["status"] == "busy"


async def test_the_list_is_of_the_viewer_s_own_version(n8n: Caller, ada: Caller) -> None:
    await ada.here()
    for caller in (n8n, ada):
        version = (await caller.who())["version"]
        assert (await caller.poll(presence=version))["presence"] is None


async def test_a_poll_is_a_304_until_something_of_it_changes(n8n: Caller, ada: Caller) -> None:
    await ada.say("hello")
    await ada.here()
    query: Json = {}

    async def ask(tag: str | None = None) -> httpx.Response:
        headers = {} if tag is None else {"If-None-Match": tag}
        return await n8n.ask("GET", "events", params=query, headers=headers)

    first = (await ask()).json()
    query.update(after=first["cursor"], presence=first["presence"]["version"])
    tag = (await ask()).headers["etag"]
    assert (await ask(tag)).status_code == 304
    await ada.types()
    async with asyncio.timeout(MUCH):  # changes are told at most once a second
        while (answer := await ask(tag)).status_code == 304:  # noqa: ASYNC110 - as a client asks
            await asyncio.sleep(0.1)
    assert (answer.status_code, len(answer.json()["typing"])) == (200, 1)
    tag = answer.headers["etag"]
    assert (await ask(tag)).status_code == 304
    query["presence"] = "0"
    assert (await ask(tag)).json()["presence"]["count"] == 1, "who lost the list is told it, whatever tag it has"


async def test_a_long_poll_ends_when_somebody_joins_types_or_stops(service: Instance, n8n: Caller, ada: Caller) -> None:
    cursor = await ada.say("hello")
    version = (await n8n.who())["version"]

    async def told(happens: Any) -> Json:
        poll = long_poll(n8n, after=cursor, presence=version)
        await waits(service, poll)
        began = monotonic()
        await happens
        found = await poll
        assert monotonic() - began < MUCH_LESS
        return found

    joined = await told(ada.here())
    assert joined["presence"]["count"] == 1
    version = joined["presence"]["version"]
    typing = await told(ada.types())
    assert (typing["presence"], len(typing["typing"])) == (None, 1)
    stopped = await told(ada.types(typing=False))
    assert stopped["typing"] == []
    left = await told(ada.left())
    assert left["presence"]["count"] == 0


async def test_a_long_poll_with_an_old_list_is_answered_soon(service: Instance, n8n: Caller, ada: Caller) -> None:
    cursor = await ada.say("hello")
    await ada.here()
    async with asyncio.timeout(MUCH_LESS):
        assert (await long_poll(n8n, after=cursor, presence="0"))["presence"]["count"] == 1


async def test_a_long_poll_tells_what_began_or_ended_between_two_polls(n8n: Caller, ada: Caller) -> None:
    cursor = await ada.say("hello")
    told = await n8n.poll(after=cursor)
    for typing in (True, False):
        await ada.types(typing=typing)
        async with asyncio.timeout(MUCH_LESS):
            told = await long_poll(n8n, after=cursor, signals=told["signals"])
        assert [each["role"] for each in told["typing"]] == ["user"] * typing


async def test_the_version_of_signals_is_the_same_at_every_instance(start: Start) -> None:
    one, other = await start(), await start()
    ada, n8n, there = await one.visitor(), await one.key(), await other.key()
    cursor = await ada.say("hello")
    await ada.types(seconds=60)
    async with asyncio.timeout(MUCH):
        while not (found := await there.poll(after=cursor))["typing"]:  # noqa: ASYNC110 - as a client asks
            await asyncio.sleep(0.1)
    assert found["signals"] == (await n8n.poll(after=cursor))["signals"]


async def test_somebody_who_types_costs_a_long_poll_at_most_one_answer_a_second(
    service: Instance, n8n: Caller, ada: Caller
) -> None:
    cursor = await ada.say("hello")
    began, answers = monotonic(), 0

    async def polls() -> None:
        nonlocal answers
        while True:
            await n8n.poll(after=cursor, wait=40)
            answers += 1

    polling = asyncio.create_task(polls())
    for number in range(25):
        await ada.types(typing=number % 2 == 0)
        await asyncio.sleep(0.1)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    assert answers <= monotonic() - began + 1


async def test_typing_ends_with_the_message_that_another_instance_took(start: Start) -> None:
    one, other = await start(), await start()
    n8n, there = await one.key(), await other.key()
    bot = {"role": "assistant", "name": "Bot"}
    cursor = await n8n.say("a question")
    await n8n.types(sender=bot)
    async with asyncio.timeout(MUCH):
        while not (await there.poll(after=cursor))["typing"]:  # noqa: ASYNC110 - as a client asks
            await asyncio.sleep(0.1)
    await there.say("an answer", sender=bot)
    for caller in (there, n8n):
        async with asyncio.timeout(MUCH):
            while (found := await caller.poll(after=cursor))["typing"] or not found["entries"]:
                assert not (found["typing"] and found["entries"]), "told beside its message that it is being written"
                await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_who_only_waits_hears_of_others_however_long_it_waits(start: Start) -> None:
    """In real time, past twice the shortest time to live that there is."""
    settings = {"PRESENCE__TTL": "5", "PRESENCE__HOLD_BACK": "0"}
    one, other = await start(**settings), await start(**settings)
    n8n, there = await one.key(), await other.key()
    cursor = await n8n.say("hello")
    version = (await there.who())["version"]
    poll = long_poll(there, after=cursor, presence=version)
    await asyncio.sleep(12)
    assert not poll.done()
    await n8n.here(ttl=60)
    async with asyncio.timeout(MUCH_LESS):
        assert (await poll)["presence"]["count"] == 1


async def test_what_is_told_at_one_instance_is_known_at_the_other(start: Start) -> None:
    one, other = await start(PRESENCE__HOLD_BACK="0"), await start(PRESENCE__HOLD_BACK="0")
    ada, there = await one.visitor(), await other.key()
    await ada.here()
    found = await there.until(lambda found: found["count"] == 1, "the other instance's person")
    assert found["version"] == (await (await one.key()).who())["version"]
    await ada.left()
    await there.until(lambda found: found["count"] == 0, "its leave")


@pytest.mark.slow
async def test_a_long_poll_holds_a_device_past_its_time_to_live_and_no_longer(start: Start) -> None:
    """In real time: it waits on a real clock in the service, with the shortest time to live that there is."""
    service = await start(PRESENCE__TTL="5", PRESENCE__HOLD_BACK="0", POLLING__LONG_POLL_TIMEOUT="2")
    ada, n8n = await service.visitor(), await service.key()
    cursor = await ada.say("hello")
    await ada.here(device="tab")
    await ada.here(device="other")
    began = monotonic()
    gone = None
    while monotonic() - began < 9:
        await ada.poll(after=cursor, wait=40, device="tab")
        (person,) = (await n8n.who())["people"]
        if gone is None and [each["device"] for each in person["devices"]] == ["tab"]:
            gone = monotonic()
    assert gone is not None, "what is not held expires"
    await n8n.until(lambda found: found["count"] == 0, "the end of what is not held any more")


@pytest.mark.slow
async def test_a_plain_poll_renews_it_unless_a_setting_says_otherwise(start: Start) -> None:
    service = await start(PRESENCE__TTL="5", PRESENCE__HOLD_BACK="0")
    deaf = await start(
        PRESENCE__TTL="5", PRESENCE__HOLD_BACK="0", POLLING__HOLDS_PRESENCE="false", PRESENCE__PROVIDER="memory"
    )
    for instance, held in ((service, True), (deaf, False)):
        ada, n8n = await instance.visitor(), await instance.key()
        await ada.here()
        began = monotonic()
        while monotonic() - began < 9 and (await n8n.who())["count"]:
            await ada.poll()
            await asyncio.sleep(0.2)
        assert (await n8n.who())["count"] == held


async def test_the_first_poll_at_an_instance_that_knows_nothing_tells_who_is_elsewhere(start: Start) -> None:
    one, other = await start(), await start()
    await (await one.visitor()).here()
    await (await other.key()).until(lambda found: found["count"] == 1, "it is stored")
    assert (await (await (await start()).key()).poll())["presence"]["count"] == 1
