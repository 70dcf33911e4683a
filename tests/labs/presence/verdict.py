"""What was broken: lists that do not agree with the truth when all is settled, and people who flickered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .account import Account, Span
from .observations import Here, Observation, ObserverLog

Kind = Literal[
    "stuck online", "missing", "wrong", "stuck typing", "typing missing", "versions", "flicker", "surprise", "tame"
]
KINDS: tuple[Kind, ...] = (
    "stuck online",
    "missing",
    "wrong",
    "stuck typing",
    "typing missing",
    "versions",
    "flicker",
    "surprise",
    "tame",
)


class Violation(NamedTuple):
    """One broken promise and the facts that show it."""

    kind: Kind
    what: str


@dataclass(frozen=True)
class Truth:
    """Who is in a conversation, and who types there, when all is settled."""

    people: Mapping[str, Here] = field(default_factory=dict)
    typing: frozenset[str] = frozenset()
    either: frozenset[str] = frozenset()
    """Of whom the driver itself was late to tell: they may be there or not."""


def truth(accounts: Iterable[Account], types_on: frozenset[str], now: float, uncertain: float) -> Truth:
    """Of one conversation; `types_on`: who goes on typing."""
    people: dict[str, Here] = {}
    either = set()
    for account in accounts:
        devices, certain = account.alive(now, uncertain)
        if not certain:
            either.add(account.id)
        elif devices and not account.invisible:
            people[account.id] = Here(merged(devices.values()), frozenset(devices))
    return Truth(people, types_on & people.keys(), frozenset(either))


def merged(statuses: Iterable[str]) -> str:
    """As one person: busy if any device is, else online if any is, else away."""
    found = set(statuses)
    return next(status for status in ("busy", "online", "away") if status in found)


def differences(log: ObserverLog, view: Observation, true: Truth) -> Iterator[Violation]:
    """Where what an observer knows is not the truth."""
    who = f"{log.observer} in {log.conversation}"
    for name in sorted(true.people.keys() | view.people.keys() - true.either):
        here, seen = true.people.get(name), view.people.get(name)
        if here is None:
            yield Violation("stuck online", f"{who} still sees {name}, {_told(seen)}")
        elif seen is None:
            yield Violation("missing", f"{who} does not see {name}, who is here: {_told(here)}")
        elif seen.status != here.status or seen.devices not in {None, here.devices}:
            yield Violation("wrong", f"{who} sees {name} as {_told(seen)}, and it is {_told(here)}")
    for name in sorted(view.typing - true.typing - true.either):
        yield Violation("stuck typing", f"{who} still sees {name} typing")
    for name in sorted(true.typing - view.typing - true.either):
        yield Violation("typing missing", f"{who} does not see that {name} types")
    if view.counts is not None and sum(view.counts.values()) != len(view.people):
        yield Violation("wrong", f"{who} is told of {len(view.people)} people, and counts of {view.counts}")


def versions(conversation: str, views: Mapping[str, Observation]) -> Iterator[Violation]:
    """Observers who may see the same and are given different versions of it."""
    told = {observer: view.version for observer, view in views.items() if view.version}
    if len(set(told.values())) > 1:
        yield Violation("versions", f"{conversation}: observers agree on who is here, and versions differ: {told}")


@dataclass(frozen=True)
class Excuses:
    """When a flicker is no violation."""

    blind: Sequence[Span] = ()
    """The driver, or an instance, was too slow: no moment is certain."""
    cut: Sequence[Span] = ()
    """An instance had the store out of reach, or was too slow: only reports to the instance itself are certain."""


def flickers(
    log: ObserverLog, accounts: Iterable[Account], excuses: Excuses, *, spread: float, leeway: float
) -> tuple[list[Violation], int]:
    """People who were not seen although they were here all the time, and how many observations of one person
    were judged.

    `spread`: seconds until an observer must know what was reported to the other instance. `leeway`: seconds by which an
    answer may be of another moment than it says."""
    found: list[Violation] = []
    judged = 0
    for account in accounts:
        sure = [] if log.instance is None else account.own(log.instance)
        likely = account.shown(log.instance, spread)
        for at, there in [*_moments(log, account.id)]:
            span = _around(at, sure, leeway)
            if span is None and not _within(at, excuses.cut):
                span = _around(at, likely, leeway)
            if span is None or _within(at, excuses.blind):
                continue
            judged += 1
            if not there:
                text = f"{log.observer} in {log.conversation} did not see {account.id} at {at:.2f}, "
                found.append(Violation("flicker", f"{text}who was here from {span.began:.2f} to {span.ended:.2f}"))
    return found, judged


def _moments(log: ObserverLog, name: str) -> Iterator[tuple[float, bool]]:
    """The moments at which the observer knew of this person, and whether it was present."""
    yield from ((view.at, name in view.people) for view in log.seen)
    yield from ((gone.at, False) for gone in log.gone if gone.name == name)


def _around(at: float, spans: Sequence[Span], leeway: float) -> Span | None:
    return next((span for span in spans if span.began + leeway < at < span.ended - leeway), None)


def _within(at: float, spans: Sequence[Span]) -> bool:
    return any(span.began <= at <= span.ended for span in spans)


def _told(here: Here | None) -> str:
    if here is None:
        return "not at all"
    return here.status if here.devices is None else f"{here.status} on {', '.join(sorted(here.devices))}"


__all__ = ["KINDS", "Excuses", "Truth", "Violation", "differences", "flickers", "merged", "truth", "versions"]
