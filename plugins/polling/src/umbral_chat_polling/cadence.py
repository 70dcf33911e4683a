"""How soon a client should poll again: soon while people write, later the longer nothing was said."""

from __future__ import annotations

ACTIVE = 30.0
"""Seconds of silence that still count as a conversation going on: people read and type that long."""

AWAY = 2.0
"""Seconds over which clients of a service that stops are spread, so that they do not all meet its successor at once."""


def poll_after(silence: float, *, writing: bool, lowest: float, highest: float) -> float:
    """Seconds until the next poll, `silence` seconds after something last happened.

    After `ACTIVE` seconds it grows with the silence itself: whoever waited ten minutes for an answer does not mind
    five seconds more. While a message is being written it is as soon as allowed.
    """
    if writing or silence <= ACTIVE:
        return lowest
    return min(highest, lowest * silence / ACTIVE)


def poll_after_drain(draw: float, *, lowest: float) -> float:
    """Seconds until a client of a service that stops comes back; `draw` lies in [0, 1)."""
    return lowest + draw * AWAY


def long_poll(wait: float, draw: float, *, longest: float) -> float:
    """Seconds that a long poll waits when `wait` were asked for: at most 9/11 to all of `longest`, by `draw`."""
    return min(wait, longest * (9 + 2 * draw) / 11)


__all__ = ["ACTIVE", "AWAY", "long_poll", "poll_after", "poll_after_drain"]
