"""The lane hands over together what is asked for together, and lets nobody wait who is alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from umbral_chat._core.sqlite.engine import work_queue as module
from umbral_chat._core.sqlite.engine.work_queue import Lane, Work

FOREVER = 60.0
"""Seconds: past the bound of these tests, so that lingering in vain fails them."""


@pytest.fixture(autouse=True)
def _linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", FOREVER)


def ask(lane: Lane) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(lane.submit(lambda _: "done"))


async def take(lane: Lane) -> list[Work]:
    async with asyncio.timeout(20):
        works = await asyncio.to_thread(lane.take, 512)
    assert works
    return works


def answer(lane: Lane, works: list[Work]) -> None:
    lane.answer(asyncio.get_running_loop(), [(work, work.run(None)) for work in works])


async def test_who_is_alone_is_taken_at_once() -> None:
    lane = Lane(100, together=8)
    lane.open()
    for _ in range(3):
        asked = ask(lane)
        works = await take(lane)
        assert len(works) == 1
        answer(lane, works)
        assert await asked == "done"
    lane.close()


async def test_two_who_took_turns_are_taken_together() -> None:
    lane = Lane(100, together=8)
    lane.open()
    first = ask(lane)
    works = await take(lane)
    second = ask(lane)  # while the first one's group is being written
    await asyncio.sleep(0)
    answer(lane, works)
    await first
    # The second waits already; the first one asks again a moment later, and both are met by one transaction.
    taking = asyncio.ensure_future(take(lane))
    await asyncio.sleep(0.05)
    assert not taking.done()
    again = ask(lane)
    works = await taking
    assert len(works) == 2
    answer(lane, works)
    assert [await second, await again] == ["done", "done"]
    lane.close()


async def test_what_is_expected_and_does_not_come_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 0.01)
    lane = Lane(100, together=8)
    lane.open()
    both = [ask(lane), ask(lane)]
    answer(lane, await take(lane))
    await asyncio.gather(*both)
    alone = ask(lane)
    answer(lane, await take(lane))
    await alone
    monkeypatch.setattr(module, "LINGER", FOREVER)
    alone = ask(lane)
    answer(lane, await take(lane))
    assert await alone == "done"
    lane.close()


async def test_a_lane_of_readers_never_lingers() -> None:
    lane = Lane(100)
    lane.open()
    both = [ask(lane), ask(lane)]
    await asyncio.sleep(0)
    for _ in range(2):
        works = await take(lane)
        answer(lane, works)
        if len(works) == 2:
            break
    assert [await one for one in both] == ["done", "done"]
    lane.close()
