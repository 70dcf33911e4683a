"""What is submitted together is taken together, and a caller that is alone never waits for others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from umbral_chat._core.sqlite.engine import work_queue as module
from umbral_chat._core.sqlite.engine.work_queue import WorkItem, WorkQueue

FOREVER = 60.0
"""Seconds: past the bound of these tests, so that lingering in vain fails them."""


@pytest.fixture(autouse=True)
def _linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", FOREVER)


def ask(queue: WorkQueue) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(queue.submit(lambda _: "done"))


async def take(queue: WorkQueue) -> list[WorkItem]:
    async with asyncio.timeout(20):
        items = await asyncio.to_thread(queue.take, 512)
    assert items
    return items


def answer(queue: WorkQueue, items: list[WorkItem]) -> None:
    queue.reply(asyncio.get_running_loop(), [(item, item.run(None)) for item in items])


async def after_two() -> WorkQueue:
    """A queue that expects two items, since two came together."""
    queue = WorkQueue(100, together=8)
    queue.open()
    both = [ask(queue), ask(queue)]
    answer(queue, await take(queue))
    await asyncio.gather(*both)
    return queue


async def test_a_lone_item_is_taken_at_once() -> None:
    queue = WorkQueue(100, together=8)
    queue.open()
    for _ in range(3):
        asked = ask(queue)
        items = await take(queue)
        assert len(items) == 1
        answer(queue, items)
        assert await asked == "done"
    queue.close()


async def test_two_callers_that_alternated_are_taken_together() -> None:
    queue = WorkQueue(100, together=8)
    queue.open()
    first = ask(queue)
    items = await take(queue)
    second = ask(queue)
    await asyncio.sleep(0.5)  # while the first one's group is being written
    answer(queue, items)
    await first
    # The second waits already; the first one asks again a moment later, and both are met by one transaction.
    taking = asyncio.ensure_future(take(queue))
    await asyncio.sleep(0.05)
    assert not taking.done()
    again = ask(queue)
    items = await taking
    assert len(items) == 2
    answer(queue, items)
    assert [await second, await again] == ["done", "done"]
    queue.close()


async def test_an_expected_item_that_is_not_submitted_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 0.01)
    queue = await after_two()
    alone = ask(queue)
    answer(queue, await take(queue))
    await alone
    monkeypatch.setattr(module, "LINGER", FOREVER)
    alone = ask(queue)
    answer(queue, await take(queue))
    assert await alone == "done"
    queue.close()


async def test_it_is_not_waited_for_longer_than_the_last_group_took() -> None:
    queue = await after_two()
    alone = ask(queue)
    answer(queue, await take(queue))
    assert await alone == "done"
    queue.close()


async def test_a_queue_of_readers_never_lingers() -> None:
    queue = WorkQueue(100)
    queue.open()
    both = [ask(queue), ask(queue)]
    await asyncio.sleep(0)
    for _ in range(2):
        items = await take(queue)
        answer(queue, items)
        if len(items) == 2:
            break
    assert [await one for one in both] == ["done", "done"]
    queue.close()
