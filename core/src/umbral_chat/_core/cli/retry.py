"""Trying again: which errors pass by themselves, and for how long they are waited out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.transport_kit.backoff import Backoff

T = TypeVar("T")


def backoff() -> Backoff:
    """The pauses of a person's command: soon again after a blip, every few seconds through an outage."""
    return Backoff(initial=0.2, maximum=5.0)


def passes(error: Exception) -> bool:
    """Whether the same request may succeed in a while."""
    return isinstance(error, Unreachable) or (isinstance(error, Problem) and error.passing)


def pause(error: Exception, waits: Backoff) -> float:
    """Seconds until the next try: what the service asked for, or the next pause if that is longer."""
    return max(waits.next(), getattr(error, "retry_after", None) or 0)


async def with_retries(
    attempt: Callable[[], Awaitable[T]],
    *,
    patience: float,
    notice: Callable[[Exception], None] = lambda _error: None,
    clock: Clock | None = None,
) -> T:
    """The result of `attempt`, tried again while its error passes and no pause would end after `patience` seconds.

    `notice` is told the first error that is waited out. Raises the last error when patience ends, or one that does
    not pass at once. The attempt must be safe to repeat.
    """
    clock = clock or SystemClock()
    end = clock.monotonic() + patience
    waits, told = backoff(), False
    while True:
        try:
            return await attempt()
        except (Unreachable, Problem) as error:
            wait = pause(error, waits)
            if not passes(error) or clock.monotonic() + wait > end:
                raise
            if not told:
                notice(error)
                told = True
        await clock.sleep(wait)


__all__ = ["backoff", "passes", "pause", "with_retries"]
