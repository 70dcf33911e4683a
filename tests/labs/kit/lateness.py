"""How long readers waited for what was acknowledged, and whether it was too long. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from .checker import Violation
from .facts import Reading
from .standstill import Standstill, stood_still

SentTo = Literal["another", "itself", "both"]


class Wait(NamedTuple):
    """One reader's wait for one entry."""

    reader: str
    key: str
    acknowledged: float
    """When the sender had its answer; monotonic seconds."""
    seconds: float
    """From then to the reader's sight of the entry, without the time in which the machine stood still; not below 0,
    though it often is there before the answer."""
    mode: str
    """How the reader's instance learnt of others' entries when it showed this one."""
    sent_to: SentTo
    """Whom it was sent to, seen from the instance that showed it."""

    @property
    def crossed(self) -> bool:
        """Whether the instance that showed it can only have learnt of it from elsewhere."""
        return self.sent_to == "another"


def waits(
    readings: Iterable[Reading],
    acknowledged_at: Mapping[str, float],
    through: Mapping[str, Collection[int]],
    standstills: Sequence[Standstill] = (),
) -> Iterator[Wait]:
    """Each entry's first sight by each reader. What was never acknowledged has nothing to be measured from. `through`:
    the instances that each key was sent to."""
    for reading in readings:
        known: set[str] = set()
        for item, shown in zip(reading.items, reading.shown, strict=True):
            at = acknowledged_at.get(item.key)
            if at is None or item.key in known:
                continue
            known.add(item.key)
            tried = through[item.key]
            sent_to: SentTo = "itself" if tried == {reading.instance} else "another"
            if len(tried) > 1:
                sent_to = "both"
            seconds = max(0.0, shown.at - at - stood_still(standstills, at, shown.at))
            yield Wait(reading.reader, item.key, at, seconds, shown.mode, sent_to)


def late(found: Iterable[Wait], bound: float) -> Iterator[Violation]:
    """The waits that were longer than promised."""
    for wait in found:
        if wait.seconds > bound:
            text = f"{wait.reader} saw {wait.key} {wait.seconds:.2f} s after it was acknowledged ({wait.mode} then), "
            yield Violation("late", f"{text}at most {bound:.2f} s are promised")


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed; 0 of none. `values` are sorted."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


__all__ = ["SentTo", "Wait", "late", "quantile", "waits"]
