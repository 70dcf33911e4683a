"""Trying again: pauses that grow with jitter, and an end."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from umbral_chat.cli.failures import Problem, Unreachable
from umbral_chat.clock import Clock, SystemClock

T = TypeVar("T")


def pauses(
    initial: float = 0.2,
    maximum: float = 5.0,
    *,
    jitter: float = 0.5,
    draw: Callable[[], float] = random.random,
) -> Iterator[float]:
    """Seconds to wait before each further try: doubling up to `maximum`, each shortened by up to the share `jitter`
    that is drawn at random, so that clients of one outage do not come back at once."""
    pause = initial
    while True:
        yield pause * (1 - jitter * draw())
        pause = min(pause * 2, maximum)


def passes(error: Exception) -> bool:
    """Whether the same request may succeed in a while."""
    return isinstance(error, Unreachable) or (isinstance(error, Problem) and error.passing)


async def with_retries(
    attempt: Callable[[], Awaitable[T]],
    *,
    patience: float,
    notice: Callable[[Exception], None] = lambda _error: None,
    clock: Clock | None = None,
    draw: Callable[[], float] = random.random,
) -> T:
    """The result of `attempt`, tried again while its error passes and no pause would end after `patience` seconds.

    `notice` is told the first error that is waited out. Raises the last error when patience ends, or one that does
    not pass at once. The attempt must be safe to repeat.
    """
    clock = clock or SystemClock()
    end = clock.monotonic() + patience
    waits = pauses(draw=draw)
    told = False
    while True:
        try:
            return await attempt()
        except (Unreachable, Problem) as error:
            pause = max(next(waits), error.retry_after or 0)
            if not passes(error) or clock.monotonic() + pause > end:
                raise
            if not told:
                notice(error)
                told = True
        await clock.sleep(pause)


__all__ = ["passes", "pauses", "with_retries"]
