"""The breaker: one fault after the other, quiet between them, and a note of what each did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.labs.kit.realtime_faults import ROOMY
from tests.labs.kit.run import RunAborted

from .plan import RETURN, Step, steps
from .run import SoakRun, Strike

FIRST = 20.0
"""Seconds in which all must be live for the first time."""

RECOVERY = 75.0
"""Seconds after a fault in which all must be live: more than the longest pause between two tries (60 s)."""

FOUND = 10.0
"""Seconds in which every instance must notice that its link is over: a promise."""

LENIENCE = 8.0
"""Seconds that instances get to be live by themselves, before realtime is switched off and on."""

TOGGLED = 5.0
"""Seconds in which every instance obeys the switch; 2 are promised."""

OFF = "switched off"
"""The reason of a transport that the operator switched off."""

TRIES = 3
"""Times that a fault which hit nothing is tried."""

POLL_LATENESS = 1.0
"""Seconds by which a poll of an instance may be late."""


async def break_often(run: SoakRun) -> None:
    """Rounds of faults until the senders are through, at least one. Raises RunAborted when one is not live again."""
    run.step_ends, run.steps_left = _now() + RETURN, sum(step.usual for step in next(steps(run.soak)))
    await run.command(ROOMY)
    if not await _all_live(run, FIRST, quiet=1.0):
        raise RunAborted(f"not live within {FIRST:.0f} s without any fault: {_said(run)}")
    for planned in steps(run.soak):
        for number, step in enumerate(planned):
            if _over(run):
                return
            for _ in range(TRIES):
                run.step_ends = _now() + step.usual
                run.steps_left = sum(each.usual for each in planned[number + 1 :])
                if await _strike(run, step):
                    break
        run.rounds += 1


async def _strike(run: SoakRun, step: Step) -> bool:
    """Do it, and wait until all are live again; whether it hit anybody, as far as can be counted."""
    fault, before = step.fault, await run.hits()
    strike = Strike(fault.kind, fault.detail, _now())
    run.strikes.append(strike)
    await run.command(*fault.begin)
    strike.cut = await _until(run, lambda: False, fault.duration)
    if fault.ends_links:
        left = FOUND + POLL_LATENESS + strike.began - _now()
        await _until(run, lambda: None not in run.watch.noticed(strike.began), left)
    await run.command(*fault.end)
    strike.ended = _now()
    after = await run.hits()
    strike.hits = after.get(fault.counted, 0) - before.get(fault.counted, 0)
    if not await _all_live(run, RECOVERY, quiet=step.quiet, strike=strike):
        raise RunAborted(f"not live within {RECOVERY:.0f} s after {fault.kind} {fault.detail}: {_said(run)}")
    after_seconds = [at - strike.began for at in run.watch.noticed(strike.began) if at is not None]
    strike.noticed_by, strike.noticed = len(after_seconds), max(after_seconds, default=None)
    in_time = sum(seconds <= FOUND + POLL_LATENESS for seconds in after_seconds)
    if fault.ends_links and not strike.cut and in_time < len(run.services):
        run.surprise(f"after {fault.kind} {fault.detail} only {in_time} instances noticed within {FOUND:.0f} s")
    return strike.hits > 0 or not fault.counted or strike.cut


async def _all_live(run: SoakRun, within: float, *, quiet: float, strike: Strike | None = None) -> bool:
    """Wait until all were live for `quiet` seconds, and note when that began; False when they were not in time."""
    begun = _now()
    lenient_until = begun + LENIENCE * run.soak.brisk
    while _now() < begun + within:
        since = run.watch.live_since()
        if since is None and strike is not None and _now() > lenient_until:
            await _switch_off_and_on(run)
            lenient_until = _now() + within
        if since is not None and _now() - max(since, begun) >= quiet:
            if strike is not None:
                strike.recovered = max(0.0, since - strike.ended)
            return True
        await asyncio.sleep(0.05)
    return False


async def _switch_off_and_on(run: SoakRun) -> None:
    """A transport that fails as often as here is used again after 30 s only; a switch takes effect at once."""
    run.switched += 1
    await run.switch(on=False)
    await _until(run, lambda: all(each[-1].reason == OFF for each in run.watch.seen), TOGGLED)
    await run.switch(on=True)


async def _until(run: SoakRun, condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for it, for some seconds at most; True when the senders were through first."""
    end = _now() + seconds
    while (left := end - _now()) > 0 and not condition():
        if _over(run):
            return True
        await asyncio.sleep(min(0.05, left))
    return False


def _now() -> float:
    return time.monotonic()


def _over(run: SoakRun) -> bool:
    return bool(run.rounds) and not run.sending


def _said(run: SoakRun) -> str:
    return "; ".join(
        f"instance {number} is {'live' if each[-1].live else 'not live'} ({each[-1].reason})" if each else "no answer"
        for number, each in enumerate(run.watch.seen)
    )


__all__ = ["FIRST", "FOUND", "RECOVERY", "break_often"]
