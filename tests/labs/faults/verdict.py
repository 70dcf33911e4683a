"""What a seed's facts amount to: violations, figures, and for each fault its outcome. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.labs.kit.checker import Violation, check, reading_equals_log
from tests.labs.kit.lateness import quantile
from tests.labs.kit.watch import EVERY

from .direct import HEARD
from .legs import second_leg
from .modes import changes, entered
from .observations import observations, stale, unfilled, unfollowed
from .outages import Span, merged, total
from .outcomes import LATER, Outcome, doubtful, outcome
from .readers import PAUSE
from .run import Lab
from .schedule import Schedule
from .snapshots import broken

PAGE_TRIPS = 3
"""Round trips between two moments at which a page that follows directly has read: one reading that begins just too
soon, asking what to use, and the next reading. `reconcile_every_ms`, which it waits between them, is the interval."""

PAGE_PAUSE = 0.5
"""Seconds that a page's timer and an instance's clock, which is looked at now and then, may be late on a busy one."""

LONGEST_TRIP = 2.0
"""Seconds: a round trip that is not held up by any fault counts as so long at most."""

TOGGLE = 2.0
"""Seconds in which every instance follows the toggle."""

AFTERMATH = 0.5
"""Seconds after an outage for which round trips are still not usual ones."""


@dataclass(frozen=True)
class Direct:
    """What the pages saw that follow on the project's own Realtime."""

    observations: int
    """Of acknowledged entries."""
    heard: int
    """Those of them that arrived on their channels; the others were read from the service."""
    worst: float
    """Worst staleness, counted from when their instance could show the entry; seconds."""
    bound: float
    """What was promised; seconds."""


@dataclass
class Verdict:
    """One seed's."""

    schedule: Schedule
    violations: list[Violation]
    outcomes: list[Outcome]
    acknowledged: int
    delivered: int
    """Observations of acknowledged entries, of all readers together."""
    worst: float
    """Worst staleness of those who ask instances; seconds."""
    bound: float
    """What was promised; seconds."""
    usual: float
    """Median wait."""
    excused: float
    """Seconds in which the history or the link was out of reach, both instances together."""
    stood_still: float
    """Seconds in which the machine ran no process."""
    seconds: float
    direct: Direct
    modes: Counter[str] = field(default_factory=Counter)
    """Times that each mode was entered."""
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)


def verdict(run: Lab, unfinished: Sequence[Violation], seconds: float) -> Verdict:
    """Judge a run. What an unfinished one never read is not missing."""
    excused = [merged([*run.history[number], *run.links[number]]) for number in range(len(run.services))]
    shown = replace(run.facts, readings=[*run.facts.readings, *run.applied])
    every = list(observations(shown, run.snapshots, run.acknowledged_at, excused, run.standstills))
    found = [one for one in every if one.reader not in run.followers]
    # A page's token is one more thing that its reading needs.
    denied = [merged([*spans, *run.expired[number]]) for number, spans in enumerate(excused)]
    direct = list(second_leg((one for one in every if one.reader in run.followers), found, denied, run.standstills))
    trip = round_trip(run)
    interval = run.schedule.reconcile_interval
    bound = interval + trip + PAUSE
    violations = list(unfinished)
    if unfinished:
        violations += [Violation("surprise", what) for what in run.facts.surprises]
    else:
        violations += check(run.facts)
        said = {name: [item for item in log if item.kind == "message"] for name, log in run.facts.logs.items()}
        for reading in run.snapshots:
            violations += broken(reading, said[reading.conversation])
        for reading in run.copies:
            violations += broken(reading, said[reading.conversation], least=len(said[reading.conversation]))
        for applied in run.applied:
            violations += reading_equals_log(applied, said[applied.conversation])
    violations += stale(found, bound)
    page_bound = interval + PAGE_TRIPS * trip + PAGE_PAUSE
    violations += stale(direct, page_bound)
    lives = [entered(modes, "live")[1:] for modes in run.watch.modes]
    slack = EVERY + min(0.5, trip)
    soon = 2 * trip + PAUSE + LATER
    violations += unfilled(
        found, lives, doubtful(run.struck), excused, slack=slack, bound=soon, standstills=run.standstills
    )
    violations += unfollowed(run.switched, run.watch.modes, excused, within=TOGGLE + EVERY + trip)
    usual = quantile(sorted(one.seen - one.acknowledged for one in found), 0.5)
    return Verdict(
        schedule=run.schedule,
        violations=violations,
        outcomes=[outcome(each, run.struck, run.watch.modes, found, run.trips, usual) for each in run.struck],
        acknowledged=len(run.acknowledged_at),
        delivered=len(every),
        worst=max((one.staleness for one in found), default=0.0),
        bound=bound,
        usual=usual,
        excused=sum(total(spans) for spans in excused),
        stood_still=sum(each.ended - each.began for each in run.standstills),
        seconds=seconds,
        direct=Direct(
            observations=len(direct),
            heard=sum(one.mode == HEARD for one in direct),
            worst=max((one.staleness for one in direct), default=0.0),
            bound=page_bound,
        ),
        modes=Counter(one.mode for modes in run.watch.modes for one in modes if one.mode),
        transitions=Counter(change for modes in run.watch.modes for change in changes(modes)),
    )


def round_trip(run: Lab) -> float:
    """The slowest send that no outage held up; seconds."""
    spans = [
        [Span(span.began - AFTERMATH, span.ended + AFTERMATH) for span in merged([*history, *links])]
        for history, links in zip(run.history, run.links, strict=True)
    ]
    usual = [
        trip.seconds
        for trip in run.trips
        if not any(span.meets(trip.written, trip.written + trip.seconds) for span in spans[trip.instance])
    ]
    return min(LONGEST_TRIP, max(usual, default=0.0))


__all__ = ["Direct", "Verdict", "round_trip", "verdict"]
