"""How late those are who follow directly: from when the instance that they ask could show an entry. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tests.labs.kit.standstill import Standstill

from .observations import Observation, unexcused
from .outages import Span


def second_leg(
    direct: Iterable[Observation],
    found: Iterable[Observation],
    excused: Sequence[Sequence[Span]],
    standstills: Sequence[Standstill] = (),
) -> Iterator[Observation]:
    """What pages observed, each as late as it came after the first reader of the same instance was shown the entry.

    What a page's channel lost it reads from its instance, and what that does not know either cannot be shown: the
    instance's own lateness has its own bound, which the other readers are held to. `excused` as in `observations`."""
    shown: dict[tuple[int, str, str], float] = {}
    for one in found:
        key = (one.instance, one.conversation, one.key)
        shown[key] = min(one.seen, shown.get(key, one.seen))
    for one in direct:
        since = shown.get((one.instance, one.conversation, one.key), one.acknowledged)
        yield one._replace(staleness=unexcused(excused[one.instance], standstills, since, one.seen))


__all__ = ["second_leg"]
