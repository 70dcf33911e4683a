"""Intervals of the transport's ticks and of a client's polls: short while people write, and longer the longer they do
not."""

from __future__ import annotations

import random

from umbral_chat.transport_kit.backoff import Backoff

GROWTH = 1.5
"""Each tick without news makes the next interval this much longer: from 0.25 s to 5 s within eight ticks, or 10 s."""

BACKOFF = 2.0
"""Each failed tick in a row doubles the pause before the next."""

DOWN_AFTER = 3
"""Failed ticks in a row after which the store counts as down: one may be a hiccup, two a long checkpoint."""

ACTIVE = 30.0
"""Seconds without activity in which a conversation counts as going on: people read and type that long."""

DRAIN_SPREAD = 2.0
"""Seconds over which the clients of a service that stops are spread, so that they do not reach its successor all at
once."""


class TickInterval:
    """Seconds until the next tick, by what the ticks before found.

    `seconds` always lies within `lowest` and `highest`, and follows activity; a failure does not change it, so that
    ticking continues as fast as before when the store answers again. Pauses after failures are a back-off, with jitter
    from `rng`, so that instances whose ticks failed together do not retry together.
    """

    __slots__ = ("_backoff", "failures", "highest", "lowest", "seconds", "start")

    def __init__(self, *, start: float, lowest: float, highest: float, rng: random.Random | None = None) -> None:
        self.start = start
        self.lowest = lowest
        self.highest = highest
        self.seconds = start
        self.failures = 0
        self._backoff = Backoff(initial=lowest * BACKOFF, maximum=highest, multiplier=BACKOFF, jitter="equal", rng=rng)

    def restart(self) -> None:
        """A conversation became watched while none was: nothing is known yet of its activity."""
        self.seconds = min(self.seconds, self.start)

    def succeeded(self, *, news: bool) -> None:
        """The store answered a full tick, with something new or not."""
        self.forget_failures()
        self.seconds = self.lowest if news else min(self.seconds * GROWTH, self.highest)

    def partly_read(self, *, news: bool) -> None:
        """The store answered a read of some of what is watched: without news that proves nothing about the activity."""
        self.forget_failures()
        if news:
            self.seconds = self.lowest

    def failed(self) -> float:
        """A tick failed; the seconds until the next one."""
        self.failures += 1
        return max(self.lowest, self._backoff.next())

    def forget_failures(self) -> None:
        """The next failure is a first one again."""
        self.failures = 0
        self._backoff.reset()


def poll_after(silence: float, *, writing: bool, lowest: float, highest: float) -> float:
    """Seconds until a client's next poll, `silence` seconds after the last activity.

    After `ACTIVE` seconds it grows with the silence itself: five seconds more matter little after ten minutes. While a
    message is being written it is `lowest`.
    """
    if writing or silence <= ACTIVE:
        return lowest
    return min(highest, lowest * silence / ACTIVE)


def poll_after_drain(draw: float, *, lowest: float) -> float:
    """Seconds until a client of a service that stops polls again; `draw` lies in [0, 1)."""
    return lowest + draw * DRAIN_SPREAD


def long_poll(wait: float, draw: float, *, longest: float) -> float:
    """Seconds that a long poll waits when `wait` were asked for: at most 9/11 to all of `longest`, by `draw`."""
    return min(wait, longest * (9 + 2 * draw) / 11)


__all__ = [
    "ACTIVE",
    "BACKOFF",
    "DOWN_AFTER",
    "DRAIN_SPREAD",
    "GROWTH",
    "TickInterval",
    "long_poll",
    "poll_after",
    "poll_after_drain",
]
