"""Retries: which errors are transient, and the delays between attempts."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.transport_kit.backoff import Backoff

T = TypeVar("T")

SPREAD = 1.25
"""A pause that the service asks many clients for is drawn from it to this many times it: they do not come in step."""


def new_backoff() -> Backoff:
    """Delays for an interactive command: short after the first failure, at most 5 s through an outage."""
    return Backoff(initial=0.2, maximum=5.0)


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    return isinstance(error, Unreachable) or (isinstance(error, Problem) and error.passing)


def next_delay(error: Exception, backoff: Backoff) -> float:
    """Seconds until the next attempt: the back-off's next delay, or what the service asks for if that is longer. The
    latter is the same for all that it asks, so up to a quarter is added."""
    asked: float = getattr(error, "retry_after", None) or 0.0
    return max(backoff.next(), asked * random.uniform(1.0, SPREAD))  # noqa: S311 - spreads load, guards nothing


async def with_retries(
    attempt: Callable[[], Awaitable[T]],
    *,
    patience: float,
    notice: Callable[[Exception], None] = lambda _error: None,
    clock: Clock | None = None,
) -> T:
    """The result of `attempt`, repeated while its error is transient and the next attempt would begin within `patience`
    seconds.

    `notice` is called once, with the first error that is retried. Raises the last error when the time is over, and any
    other error at once. The attempt must be safe to repeat.
    """
    clock = clock or SystemClock()
    end = clock.monotonic() + patience
    backoff, notified = new_backoff(), False
    while True:
        try:
            return await attempt()
        except (Unreachable, Problem) as error:
            delay = next_delay(error, backoff)
            if not is_transient(error) or clock.monotonic() + delay > end:
                raise
            if not notified:
                notice(error)
                notified = True
        await clock.sleep(delay)


__all__ = ["SPREAD", "is_transient", "new_backoff", "next_delay", "with_retries"]
