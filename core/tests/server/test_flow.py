"""A latch behaves as the event does that it stands for."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.server.flow import Latch

STEPS = st.lists(st.sampled_from(["set", "clear", "wait"]), max_size=12)


async def play(event: Latch | asyncio.Event, steps: list[str]) -> list[tuple[bool, list[bool]]]:
    """What is set, and which of the waits have returned, after each step."""
    waits: list[asyncio.Task[object]] = []
    seen = []
    for step in steps:
        if step == "wait":
            waits.append(asyncio.ensure_future(event.wait()))
        else:
            getattr(event, step)()
        for _ in range(3):
            await asyncio.sleep(0)
        seen.append((event.is_set(), [wait.done() for wait in waits]))
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return seen


@given(STEPS)
def test_a_latch_is_an_event(steps: list[str]) -> None:
    async def both() -> None:
        assert await play(Latch(), steps) == await play(asyncio.Event(), steps)

    asyncio.run(both())


async def test_a_wait_that_was_woken_returns_though_it_was_cleared_at_once() -> None:
    latch = Latch()
    wait = asyncio.ensure_future(latch.wait())
    await asyncio.sleep(0)
    latch.set()
    latch.clear()
    async with asyncio.timeout(5):
        await wait
