"""Two hundred switches in a minute while people write and fifty read: every entry once, and nothing left behind."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.labs.kit.checker import check
from tests.labs.kit.run import Plan, Run
from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

from .footprint import Footprint, footprint
from .instances import Instance, running, until
from .load import under_load

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

SEED = 200
SWITCHES = 200
PACE = 0.25
"""Seconds from one switch to the next on average: all of them in less than a minute."""

MINUTE = 60.0
AGREE = 2.0
"""Seconds after the last switch until every instance knows it."""

LIVE = 5.0
"""Seconds after the last switch until every instance is live: a switch is never damped."""

RECONCILE_INTERVAL = 5.0
"""Seconds: the default of `realtime.reconcile_interval`. To a reader an entry needs that and a round trip: on a busy
machine the run's own slowest."""


@dataclass
class Course:
    """What the switching was like."""

    switching: float = 0.0
    agreed: float = 0.0
    live: float = 0.0
    """Seconds from the last switch until all say the same of it, and until all are live."""
    last: dict[str, Any] = field(default_factory=dict)
    modes: set[str] = field(default_factory=set)


async def test_toggling_loses_nothing_and_leaves_nothing(
    supabase: Stack, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    await command(supabase, "realtime/reset")
    # A plan's messages per second are a matter of their own, and the stand-in would close channels.
    await command(supabase, "realtime/limits", events_per_second=1e6, joins_per_second=1e6)
    async with running(supabase, tmp_path, SUPABASE__CONNECTIONS="4") as instances:
        await under_load(planned(instances, SEED + 1), instances, asyncio.sleep(2.0), readers=50, writers=4)
        before = [await settled(instance) for instance in instances]

        course, worked = Course(), planned(instances, SEED)
        await under_load(worked, instances, switch_often(instances, course), readers=50, writers=4)
        facts, worst = worked.facts, worked.worst_lag
        record_property(
            "switched in",
            f"{course.switching:.1f} s, of one mind {course.agreed:.2f} s later, live {course.live:.2f} s",
        )
        record_property("entries", f"{len(facts.sent)}, the latest {worst:.2f} s after it was acknowledged")
        assert check(facts) == []
        assert all(reading.items for reading in facts.readings)
        assert course.switching <= MINUTE
        assert course.agreed <= AGREE
        assert course.live <= LIVE
        assert course.modes == {"live", "polling"}, "the switching went through both"
        assert worst <= RECONCILE_INTERVAL + max([1.0, *worked.round_trips])

        for instance in instances:
            assert (await instance.status())["realtime"] == course.last
            assert "Traceback" not in instance.service.log.read_text("utf-8"), instance.service.last_words()
        for instance, known in zip(instances, before, strict=True):
            await no_more_than(instance, known)
        async with httpx.AsyncClient(base_url=supabase.url) as control:
            state = (await control.get("/_control/realtime/state")).json()
        assert state["sockets"] == len(instances)
        assert all(count <= len(instances) for count in state["channels"].values()), state
    await command(supabase, "realtime/reset")


def planned(instances: Sequence[Instance], seed: int) -> Run:
    """A run over all of them."""
    return Run(Plan(conversations=5, seed=seed), [instance.service for instance in instances])


async def switch_often(instances: Sequence[Instance], course: Course) -> None:
    """Off and on again and again, over the one and the other; on at last.

    For the first half the one only switches off and the other only on, so that neither meets what the other said but
    by its own looking; for the second half each does both.
    """
    draw = random.Random(SEED)
    begun = time.monotonic()
    for number in range(SWITCHES):
        due = begun + PACE * (number + draw.uniform(-0.4, 0.4))
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        here = number % 2 if number < SWITCHES // 2 else number // 2 % 2
        course.last = await instances[here].switch(on=number % 2 == 1)
        course.modes.add((await instances[1 - here].status())["mode"])
    course.switching = time.monotonic() - begun

    async def agreed() -> bool:
        return all([(await instance.status())["realtime"] == course.last for instance in instances])

    async def live() -> bool:
        return all([await instance.is_live() for instance in instances])

    course.agreed = await until(agreed, within=20.0)
    course.live = course.agreed + await until(live, within=20.0)


async def settled(instance: Instance) -> Footprint:
    """Its footprint, once it does not change for a second."""
    known, since = await footprint(instance), time.monotonic()
    end = since + 20.0
    while time.monotonic() - since < 1.0:
        assert time.monotonic() < end, f"it does not come to rest: {known}"
        await asyncio.sleep(0.1)
        if (now := await footprint(instance)) != known:
            known, since = now, time.monotonic()
    return known


async def no_more_than(instance: Instance, before: Footprint) -> None:
    """Wait until it holds no more than before. What ends by itself gets the time for that."""
    found: list[str] = []

    async def holds() -> bool:
        found[:] = (await footprint(instance)).exceeds(before)
        return not found

    try:
        await until(holds, within=15.0, every=0.1)
    except AssertionError:
        raise AssertionError(f"left behind: {'; '.join(found)}") from None
