"""The killer: `kill -9` at random moments while sends are in flight, and a restart each time."""

from __future__ import annotations

import asyncio
import random
import time

from tests.labs.kit.run import Kill, RunAborted

from .run import CrashRun

MISSES = 3  # kills that lost no answer are repeated; as many times the kills asked for, then the run is given up
JITTER = 0.02  # seconds: many commit windows long, so that the moment inside a window is chance


async def kill_often(run: CrashRun) -> None:
    """Kill as often as planned, once in each equal slice of the messages. A kill that lost no answer does not count."""
    draw = random.Random(f"{run.plan.seed}/killer")
    for number in range(run.plan.kills):
        slice_ = run.plan.messages / run.plan.kills
        moment = int((number + draw.uniform(0.1, 0.8)) * slice_)
        while len(run.acknowledged_at) < moment:
            await _tick(run)
        while not await _kill(run, draw):
            if len(run.kills) > MISSES * run.plan.kills:
                raise RunAborted("the kills hit no send in flight")


async def _kill(run: CrashRun, draw: random.Random) -> bool:
    """One kill; whether it cost an answer."""
    await asyncio.sleep(draw.uniform(0.0, JITTER))
    busy = max(1, run.plan.senders // 2)
    end = time.monotonic() + 5.0
    while len(run.flights) < busy and time.monotonic() < end:  # noqa: ASYNC110 - any turn may be the moment
        await asyncio.sleep(0)
    kill = Kill(after=len(run.acknowledged_at), in_flight=len(run.flights))
    for flight in run.flights:
        flight.kill = len(run.kills)
    run.kills.append(kill)
    run.killed_at = time.monotonic()
    await run.store.crash()
    await run.store.recover()
    while run.killed_at is not None:
        await _tick(run)
    return kill.lost > 0


async def _tick(run: CrashRun) -> None:
    await asyncio.sleep(0.002)
    if not run.sending:
        raise RunAborted(f"the senders were through after {len(run.kills)} kills: give them more messages")


__all__ = ["kill_often"]
