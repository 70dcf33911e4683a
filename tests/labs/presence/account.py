"""The driver's own account of one person: what was said of its devices, and what follows from it. Pure.

What was asked but not answered yet may have happened or not; only answers count, from the moment they were received."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Reported(NamedTuple):
    """A device reported that it is here."""

    device: str
    began: float
    """When it was first tried to say so; monotonic seconds, as all times here."""
    answered: float
    instance: int
    ttl: float
    status: str = "online"


class Left(NamedTuple):
    """A device reported that it leaves."""

    device: str
    began: float
    answered: float
    instance: int
    was_here: bool
    """As the answer said."""


class Typed(NamedTuple):
    """A person reported that it types, for `seconds`; 0: that it does not, or it sent a message."""

    began: float
    answered: float
    seconds: float


class Span(NamedTuple):
    """A stretch of time."""

    began: float
    ended: float


class Chain(NamedTuple):
    """Reports of one device at one instance, each before the one before it expired."""

    instance: int
    span: Span


@dataclass(slots=True)
class Account:
    """Of one person."""

    id: str
    hold_back: float
    invisible: bool = False
    events: list[Reported | Left] = field(default_factory=list)
    typed: list[Typed] = field(default_factory=list)

    def chains(self) -> Iterator[Chain]:
        """When each claim of each device stood for certain: from its first answer until it left, hold-back included, or
        until its time to live was over counting from when its last report began."""
        for device in dict.fromkeys(event.device for event in self.events):
            yield from _chains([event for event in self.events if event.device == device], self.hold_back)

    def shown(self, instance: int | None, spread: float) -> list[Span]:
        """When an observer of this instance must see the person: what is claimed there from the answer on, what is
        claimed elsewhere from `spread` seconds later on. None: an observer of neither."""
        if self.invisible:
            return []
        spans = [
            Span(chain.span.began + (0.0 if chain.instance == instance else spread), chain.span.ended)
            for chain in self.chains()
        ]
        return joined(spans)

    def own(self, instance: int) -> list[Span]:
        """When an observer of this instance must see the person whatever the store and the other instance do: because
        of devices of which nothing was said elsewhere since."""
        if self.invisible:
            return []
        spans = []
        for device in dict.fromkeys(event.device for event in self.events):
            here: list[Reported | Left] = []
            for event in [*(event for event in self.events if event.device == device), None]:
                if event is not None and event.instance == instance:
                    here.append(event)
                    continue
                end = float("inf") if event is None else event.began
                spans += [Span(span.began, min(span.ended, end)) for _, span in _chains(here, self.hold_back)]
                here = []
        return joined(spans)

    def alive(self, now: float, uncertain: float) -> tuple[dict[str, str], bool]:
        """Devices that are here, with their status; and whether that is certain: False when one was late to report
        (more than the share `uncertain` of its time to live) and has not reported for a time to live since."""
        devices: dict[str, str] = {}
        certain = True
        last: dict[str, Reported] = {}
        for event in self.events:
            before = last.pop(event.device, None)
            if isinstance(event, Left):
                devices.pop(event.device, None)
                continue
            if before is not None and event.answered - before.began > uncertain * before.ttl:
                certain = certain and now > event.answered + event.ttl
            last[event.device] = event
            devices[event.device] = event.status
        for device, event in last.items():
            if now >= event.answered + event.ttl:
                devices.pop(device)
            elif now > event.began + uncertain * event.ttl:
                certain = False
        return devices, certain

    def gone_by(self, still: Collection[str]) -> float:
        """When the devices that are not reported any more are gone; `still`: those that are."""
        devices = {event.device for event in self.events}.difference(still)
        return max(
            (self._gone_by([event for event in self.events if event.device == each]) for each in devices), default=0.0
        )

    def _gone_by(self, events: Sequence[Reported | Left]) -> float:
        last = events[-1]
        reports = [event.answered + event.ttl for event in events if isinstance(event, Reported)]
        if isinstance(last, Reported):
            return reports[-1]
        # An instance that did not know of the device when it left has nothing to hold back, and nothing to end.
        return last.answered + self.hold_back if last.was_here else max([*reports, last.answered])

    def typing_until(self) -> Span | None:
        """When the last typing that was said ends, at the earliest and the latest; None: the person does not type."""
        if not self.typed or not self.typed[-1].seconds:
            return None
        last = self.typed[-1]
        return Span(last.began + last.seconds, last.answered + last.seconds)


def _chains(events: Sequence[Reported | Left], hold_back: float) -> Iterator[Chain]:
    standing: list[Chain] = []  # the last one is renewed; those before it, at other instances, run out
    for event in events:
        if isinstance(event, Left):
            for number, chain in enumerate(standing, start=1):
                yield _ended(chain, event, hold_back, last=number == len(standing))
            standing = []
            continue
        end = event.began + event.ttl
        if standing and standing[-1].instance == event.instance and event.answered < standing[-1].span.ended:
            standing[-1] = standing[-1]._replace(span=Span(standing[-1].span.began, end))
        else:
            standing.append(Chain(event.instance, Span(event.answered, end)))
    yield from standing


def _ended(chain: Chain, left: Left, hold_back: float, *, last: bool) -> Chain:
    """What is left of a claim when its device leaves: the hold-back is promised by the instance that has the claim."""
    end = left.began + (hold_back if left.was_here else 0.0)
    if not (last and left.was_here and left.instance == chain.instance and left.began < chain.span.ended):
        end = min(end, chain.span.ended)
    return chain._replace(span=Span(chain.span.began, end))


def joined(spans: Sequence[Span]) -> list[Span]:
    """The same times, spans that touch or overlap as one, in order."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.ended > span.began):
        if found and span.began <= found[-1].ended:
            found[-1] = Span(found[-1].began, max(found[-1].ended, span.ended))
        else:
            found.append(span)
    return found


__all__ = ["Account", "Chain", "Left", "Reported", "Span", "Typed", "joined"]
