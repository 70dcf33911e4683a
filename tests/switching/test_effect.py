"""How soon a switch takes effect on every instance, and that it outlives all of them."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import pytest

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

from .instances import Instance, running, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="the services die with the test")]

SEED = 20
SWITCHES = 20
BOUND = 2.0
"""Seconds from the operator's answer: the promise."""


async def seen_by_all(instances: Sequence[Instance], *, on: bool) -> bool:
    return all([await instance.sees(on=on) for instance in instances])


async def test_a_switch_takes_effect_everywhere_within_two_seconds_and_survives_a_restart_of_all(
    supabase: Stack, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    await command(supabase, "realtime/reset")
    draw = random.Random(SEED)
    took: list[float] = []
    async with running(supabase, tmp_path) as instances:
        for number in range(SWITCHES):
            on = number % 2 == 1
            here = draw.randrange(2)
            # Whatever the others' timers are at.
            await asyncio.sleep(draw.uniform(0.0, 1.6))
            told = await instances[here].switch(on=on)
            assert (told["enabled"], told["by"]) == (on, "local")
            took.append(await until(partial(seen_by_all, instances, on=on), within=10.0))
            if on:
                for instance in instances:
                    await until(instance.is_live, within=10.0)
        last = await instances[draw.randrange(2)].switch(on=False)
        await asyncio.gather(*(instance.crash() for instance in instances))
        await asyncio.gather(*(instance.recover() for instance in instances))
        for instance in instances:
            assert (await instance.status())["realtime"] == last
            assert await instance.sees(on=False)
    record_property(
        "switches", f"{SWITCHES}, in effect on all within {max(took):.2f} s, {fmean(took):.2f} s on average"
    )
    assert max(took) <= BOUND, sorted(took)
