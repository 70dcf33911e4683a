"""What a seed draws: the deployment, its settings, who writes and reads, and the faults with their moments. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from tests.labs.kit.run import Plan

from .kinds import DIRECT, INSTANCES, WINDOW, Fault, Track, drawn, tracks

Deployment = Literal["supabase", "sqlite"]
Style = Literal["storm", "squall", "calm"]
"""All at once; what leaves the history alone, and one other track; one after the other with quiet between them."""
Edge = Literal["long_poll", "poll", "sse", "websocket"]

QUIET = (4.0, 6.5)
"""Seconds between two faults of a calm run: both instances are usually live again, and what follows is measured."""

GAPS = (0.8, 3.0)
"""Seconds between two faults of one track of a storm, where a client can go on meanwhile."""

RESTS = (2.5, 7.0)
"""The same where it cannot."""

LONG_RESTS = {
    "process_kill": (9.0, 16.0),
    "postgres_kill": (5.0, 9.0),
    "toggle": (3.0, 8.0),
    "direct_cut": (6.0, 12.0),
    "direct_freeze": (3.0, 8.0),
}
"""The same after those that take long to come back from: else hardly anything would happen between them."""

HARMLESS = ("realtime", "clock", "direct")
"""Beginnings of the names of tracks whose faults keep no client from sending and reading."""

SHARE = 0.75
"""Share of a deployment's tracks that a storm has: not every run has everything."""


BUSY = 2
"""Conversations in which most is said."""

WINDOW_SEED = 0
"""Not drawn: a schedule that opens, again and again, the window in which a link may be called live too early."""


@dataclass(frozen=True)
class Planned:
    """A fault and when it begins: seconds after everything was live for the first time."""

    at: float
    fault: Fault
    track: str = ""
    """Of one track's faults each waits until the one before is over."""


@dataclass(frozen=True)
class Schedule(Plan):
    """One seed's run. `names` and the pace of the senders are those of every `Plan`."""

    deployment: Deployment = "supabase"
    style: Style = "storm"
    snapshot: bool = False
    """Strategy `snapshot`: readers are given the newest messages, and replace their copy."""
    seconds: float = 25.0
    """From the first fault's earliest moment to the end of the last one."""
    cache: int = 200
    slowest_first: bool = False
    """Polling begins slowly and stays so: more is left to the fill when the link comes back."""
    pace: float = 4.0
    """Seconds between two looks at the store then."""
    reconcile_interval: float = 5.0
    """Seconds: the default of `realtime.reconcile_interval`."""
    apart: int = 0
    """Conversations, the last ones, in which nothing is said but by faults."""
    faults: tuple[Planned, ...] = field(default=())
    again: str = ""
    """Tells a further run of the same seed on the same store from the first."""

    @property
    def names(self) -> list[str]:
        return [f"faults{self.again}.{self.seed}.{number}" for number in range(self.conversations)]

    @property
    def end(self) -> float:
        """When the last fault is over."""
        return max((each.at + each.fault.duration for each in self.faults), default=0.0)

    def settings(self) -> dict[str, str]:
        """Of each service, as variables without their prefix."""
        given = {
            "CORE__CACHE__ENTRIES": str(self.cache),
            "REALTIME__RECONCILE_INTERVAL": f"{self.reconcile_interval:g}",
        }
        if self.snapshot:
            given["POLLING__SYNC_STRATEGY"] = "snapshot"
        if self.slowest_first:
            given |= dict.fromkeys(("POLLING__MIN_INTERVAL", "POLLING__INTERVAL"), f"{self.pace:g}")
            given["POLLING__MAX_INTERVAL"] = f"{max(self.pace, 5.0):g}"
        return given


def schedule(seed: int) -> Schedule:
    """Everything that this seed draws. Six seeds in a row have every deployment and every style."""
    if seed == WINDOW_SEED:
        return _window()
    random = Random(f"{seed}/course")
    turn = seed % 6
    deployment: Deployment = "sqlite" if turn == 0 else "supabase"
    style: Style = "calm" if turn == 2 else "squall" if turn in {3, 5} else "storm"
    seconds = 30.0 if style == "calm" else random.uniform(20.0, 30.0)
    return Schedule(
        seed=seed,
        messages=round(seconds * random.uniform(14.0, 22.0)),
        senders=random.choice((4, 6)),
        readers=10,
        conversations=random.choice((5, 6)),
        kills=0,
        deadline=120.0,
        deployment=deployment,
        style=style,
        snapshot=random.random() < 0.2,
        seconds=seconds,
        cache=random.choice((4, 200)),
        slowest_first=turn in {2, 3} or random.random() < 0.3,
        faults=tuple(sorted(_drawn(seed, deployment, style, seconds), key=lambda each: each.at)),
    )


def _window() -> Schedule:
    """The link of one instance after the other falls and comes back, and each time something is said while it is away
    where nothing else is said. Nothing but the fill shows it soon: neither a look at the store nor a later entry."""
    faults = tuple(Planned(1.0 + 9.0 * number, Fault(WINDOW, number % INSTANCES, 0.5)) for number in range(5))
    return Schedule(
        seed=WINDOW_SEED,
        messages=200,
        senders=4,
        readers=10,
        conversations=4,
        kills=0,
        deadline=180.0,
        style="calm",
        slowest_first=True,
        pace=30.0,
        reconcile_interval=30.0,
        apart=2,
        seconds=45.0,
        faults=faults,
    )


def edges(plan: Schedule) -> list[Edge]:
    """What each reader of a conversation does: by number. Those of one instance have every edge; a stream carries
    entries and no snapshots, and so is none of the edges where these are what is tried."""
    every: list[Edge] = ["long_poll", "long_poll", "poll"]
    if not plan.snapshot:
        every += ["sse", "websocket"]
    return [every[number // INSTANCES % len(every)] for number in range(plan.readers)]


def weights(plan: Schedule) -> list[int]:
    """How much is said in each conversation, as shares: two are busy, and in the others hardly anything is said, so
    that nothing that comes after shows soon what was missed there."""
    spoken = plan.conversations - plan.apart
    return [15 if number < BUSY else 1 if number < spoken else 0 for number in range(plan.conversations)]


def _drawn(seed: int, deployment: Deployment, style: Style, seconds: float) -> Iterator[Planned]:
    if style == "calm":
        yield from _calm(seed, deployment, seconds)
        return
    for track in _chosen(seed, deployment, style):
        yield from _in_a_row(track, Random(f"{seed}/{track.name}"), seed, seconds)


def _chosen(seed: int, deployment: Deployment, style: Style) -> Iterator[Track]:
    random, every = Random(f"{seed}/tracks"), tracks(deployment)
    others = [track for track in every if not track.name.startswith((*HARMLESS, "clients"))]
    one = random.choice(others)
    for track in every:
        if style == "squall":
            if track is one or track not in others:
                yield track
        elif track.name == "realtime" or random.random() < SHARE:
            yield track


def _in_a_row(track: Track, random: Random, seed: int, seconds: float) -> Iterator[Planned]:
    # Seeds go on where the one before left off, so that a few of them have every kind. Each sixth seed is of the same
    # deployment and style: of six kinds it would begin with the same one for ever.
    turn = seed * 7 + (track.instance or 0) + (seed // 6 if len(track.kinds) % 6 == 0 else 0)
    gaps = GAPS if track.name.startswith(HARMLESS) else RESTS
    at = random.uniform(0.0, LONG_RESTS.get(track.kinds[0], gaps)[1])
    while at < seconds:
        fault = drawn(track.kinds[turn % len(track.kinds)], random, track.instance)
        yield Planned(at, fault, track.name)
        turn += 1
        at += fault.duration + random.uniform(*LONG_RESTS.get(fault.kind, gaps))


def _calm(seed: int, deployment: Deployment, seconds: float) -> Iterator[Planned]:
    # Of the pages' link no instance feels anything, and that is what a calm run measures.
    deck = [(kind, track.instance) for track in tracks(deployment) if track.kinds != DIRECT for kind in track.kinds]
    Random("deck").shuffle(deck)
    random, turn, at = Random(f"{seed}/calm"), seed // 6 * 4, 1.0
    while at < seconds:
        kind, instance = deck[turn % len(deck)]
        fault = drawn(kind, random, instance)
        yield Planned(at, fault)
        turn += 1
        at += fault.duration + random.uniform(*QUIET)


__all__ = ["WINDOW_SEED", "Planned", "Schedule", "edges", "schedule", "weights"]
