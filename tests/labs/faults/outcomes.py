"""The outcome of each fault: whether it bit, how soon the link fell, and how soon all was well again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tests.labs.kit.checker import Violation
from tests.labs.kit.realtime_faults import KINDS as REALTIME

from .modes import InMode
from .observations import Observation
from .outages import Span
from .run import Struck, Trip

AFTERWARDS = 12.0
"""Seconds for which a fault of the link may still be felt: it is dead, and not known to be."""

ON_ITS_WAY = 4.0
"""Seconds for which what was delivered during a fault may still be late: longer than any delay that is drawn."""

LATER = 0.5
"""Seconds above the usual wait from which on entries count as late because of a fault."""

LOSSY = frozenset({"lose", "delay", "stall", "replication", "half_open", "limits", "duplicate", "reorder",
                   "socket_freeze", "gateway_freeze", "gateway_cut", "postgres_kill"})  # fmt: skip
"""Faults while which what is delivered live may be lost or late."""


ELSEWHERE = ("clients", "clock", "direct", "disk")
"""Beginnings of the kinds that no link between an instance and Realtime can feel: they degrade nothing."""


@dataclass(frozen=True)
class Outcome:
    """A fault, and its effect."""

    kind: str
    detail: str
    bit: bool
    missed: bool
    degraded: float | None = None
    """Seconds from its beginning until one instance was not live any more, if all were; None if none fell, or if
    another fault may have done it."""
    live_again: float | None = None
    """Seconds from its end until all were live again, if it had degraded them and no other fault came in between."""
    served: float | None = None
    """Seconds from its end until a send through whom it struck was acknowledged."""


def outcome(
    struck: Struck,
    every: Sequence[Struck],
    modes: Sequence[Sequence[InMode]],
    found: Sequence[Observation],
    trips: Sequence[Trip],
    usual: float,
) -> Outcome:
    """Of one fault. `every`: all of the run; `usual`: seconds that entries usually take."""
    fault = struck.fault
    next_one = min((each.began for each in every if each.began > struck.began), default=float("inf"))
    fell = _fell(struck, modes)
    if fell is None or fell >= next_one:
        fell = None
    again = None if fell is None else _all_live_after(fell, modes)
    whom = {fault.instance} if fault.instance is not None else set(range(len(modes)))
    served = min((trip.written + trip.seconds for trip in trips if trip.instance in whom
                  and trip.written > struck.ended), default=None)  # fmt: skip
    return Outcome(
        kind=fault.kind,
        detail=fault.detail,
        bit=not struck.missed and (struck.hits > 0 or _felt(struck, fell, found, usual)),
        missed=bool(struck.missed),
        degraded=None if fell is None else fell - struck.began,
        live_again=None if again is None or again >= next_one else max(0.0, again - struck.ended),
        served=None if served is None else served - struck.ended,
    )


def tame(outcomes: Collection[Outcome], planned: Collection[str]) -> Iterator[Violation]:
    """Kinds that were drawn and never did anything."""
    for kind in sorted(set(planned)):
        some = [one for one in outcomes if one.kind == kind]
        if not any(one.bit for one in some):
            done = sum(not one.missed for one in some)
            yield Violation("tame", f"{kind} was drawn {len(some)} times, done {done} times, and hit nothing")


def doubtful(struck: Sequence[Struck]) -> list[Span]:
    """When what is delivered live may have been lost."""
    return [Span(each.began, each.ended + ON_ITS_WAY) for each in struck if each.fault.kind in LOSSY]


def _felt(struck: Struck, fell: float | None, found: Sequence[Observation], usual: float) -> bool:
    """Whether a fault of Realtime, which not every one counts, showed: the link fell, or entries came late."""
    if struck.fault.kind not in REALTIME:
        return False
    within = (one.seen - one.acknowledged for one in found if struck.began <= one.acknowledged <= struck.ended + 1.0)
    return fell is not None or max(within, default=0.0) > usual + LATER


def _fell(struck: Struck, modes: Sequence[Sequence[InMode]]) -> float | None:
    """When the first was not live any more, if all were at its beginning."""
    if struck.fault.kind.startswith(ELSEWHERE) or not modes or any(_at(each, struck.began) != "live" for each in modes):
        return None
    within = [
        one.at
        for each in modes
        for one in each
        if one.mode != "live" and struck.began < one.at <= struck.ended + AFTERWARDS
    ]
    return min(within, default=None)


def _all_live_after(at: float, modes: Sequence[Sequence[InMode]]) -> float | None:
    """The first moment after `at` at which all are live."""
    for moment in sorted(one.at for each in modes for one in each if one.at > at):
        if all(_at(each, moment) == "live" for each in modes):
            return moment
    return None


def _at(modes: Sequence[InMode], at: float) -> str:
    return next((one.mode for one in reversed(modes) if one.at <= at), "")


__all__ = ["AFTERWARDS", "ELSEWHERE", "LATER", "LOSSY", "ON_ITS_WAY", "Outcome", "doubtful", "outcome", "tame"]
