"""When the machine ran no process, by the driver's own clock: no product code runs in it, so a slow product changes
nothing here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

TICK = 0.05
"""Seconds between two readings of the clock."""

LATE = 0.1
"""Seconds by which a reading must be late for that to be more than a busy driver's usual jitter."""


class Standstill(NamedTuple):
    """From when to when, in monotonic seconds."""

    began: float
    ended: float


async def watch(found: list[Standstill]) -> None:
    """Note each in `found`, until cancelled."""
    while True:
        due = time.monotonic() + TICK
        await asyncio.sleep(TICK)
        now = time.monotonic()
        if now - due > LATE:
            found.append(Standstill(due, now))


@asynccontextmanager
async def noted() -> AsyncIterator[list[Standstill]]:
    """The standstills that occur while it is open."""
    found: list[Standstill] = []
    watching = asyncio.create_task(watch(found), name="standstills")
    try:
        yield found
    finally:
        watching.cancel()


def stood_still(found: Iterable[Standstill], began: float, ended: float) -> float:
    """Seconds of the time between `began` and `ended`."""
    return sum(max(0.0, min(each.ended, ended) - max(each.began, began)) for each in found)


__all__ = ["LATE", "TICK", "Standstill", "noted", "stood_still", "watch"]
