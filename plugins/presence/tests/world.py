"""Several engines of one conversation, in simulated time, and the rosters between them: lost, late, twice, in any
order. What they should agree on in the end is kept beside them, in the simplest form."""

from __future__ import annotations

from dataclasses import dataclass, field

from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import PresenceSignal, TypingSignal
from umbral_chat.providers.presence import PresenceState, Report, Viewer
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state import roster as rosters
from umbral_chat_presence.state.device_state import Instant, key_of
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.state.pseudonyms import Pseudonyms

ROOM = "room"
ALL = Viewer(ids=True)
EPOCH = 1_700_000_000_000
SETTINGS = PresenceSettings(devices_per_person=4, devices=50)


def person(number: int) -> Sender:
    return Sender("user", f"p{number}", f"Person {number}")


@dataclass(frozen=True)
class Parcel:
    """A roster under way."""

    instance: str
    number: int
    content: bytes


@dataclass
class World:
    """`skews` are the instances' wall clocks, in ms ahead."""

    skews: tuple[int, ...] = (0, 150, -150)
    settings: PresenceSettings = SETTINGS
    prefix: str = "i"
    now: float = 0.0
    parcels: list[Parcel] = field(default_factory=list)
    alive: dict[tuple[str, str], float] = field(default_factory=dict)
    """Ground truth: until when a device is here for sure, if nothing more happens."""
    left: list[str] = field(default_factory=list)
    """Pseudonyms of the people of whom any instance signalled that they left."""
    joined: list[str] = field(default_factory=list)
    typing: list[TypingSignal] = field(default_factory=list)
    changed: int = 0

    def __post_init__(self) -> None:
        names = Pseudonyms(b"k" * 32)
        self.engines = [Engine(self.settings, names, f"{self.prefix}{index}") for index in range(len(self.skews))]
        for index, engine in enumerate(self.engines):
            engine.rooms.follow(ROOM, self.moment(index))

    def moment(self, index: int) -> Instant:
        return Instant(self.now, EPOCH + round(self.now * 1000) + self.skews[index])

    # events

    def report(self, index: int, who: int, device: str, **more: object) -> None:
        report = Report(person=person(who), device=device, **more)  # type: ignore[arg-type]
        renewal = self.engines[index].report(ROOM, report, self.moment(index))
        self.alive[key_of(person(who)), device] = self.now + renewal.expires_in
        self.collect(index)

    def leave(self, index: int, who: int, device: str) -> bool:
        left = self.engines[index].leave(ROOM, person(who), device, self.moment(index))
        if left:
            self.alive.pop((key_of(person(who)), device), None)
        self.collect(index)
        return left

    def renew(self, index: int, who: int, device: str) -> None:
        self.engines[index].renew(ROOM, key_of(person(who)), device, self.moment(index))
        self.collect(index)

    def type(self, index: int, who: int, typing: bool) -> None:
        self.engines[index].typing(ROOM, person(who), typing, None, self.moment(index))
        self.collect(index)

    def write(self, index: int, who: int) -> None:
        """A person's message is appended to the log."""
        self.engines[index].wrote(ROOM, person(who), None, self.moment(index))
        self.collect(index)

    def crash(self, index: int) -> None:
        """An instance crashes, and the others take it for dead."""
        crashed = self.engines[index].instance
        self.engines[index] = Engine(self.settings, Pseudonyms(b"k" * 32), f"{crashed}'")
        for other, engine in enumerate(self.engines):
            engine.rooms.follow(ROOM, self.moment(other))
            engine.instance_lost(crashed, self.moment(other))
            self.collect(other)

    def elapse(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            for index, engine in enumerate(self.engines):
                engine.rooms.follow(ROOM, self.moment(index))
                engine.advance(self.moment(index))
                self.collect(index)

    # what travels

    def send(self, index: int) -> Parcel:
        """An instance's current roster, under way."""
        engine = self.engines[index]
        roster = engine.roster(ROOM, self.moment(index))
        parcel = Parcel(engine.instance, engine.changes.count, rosters.encoder.encode(roster))
        self.parcels.append(parcel)
        return parcel

    def deliver(self, parcel: Parcel, index: int) -> None:
        roster = rosters.decoder.decode(parcel.content)
        self.engines[index].apply_roster(ROOM, parcel.instance, parcel.number, roster, self.moment(index))
        self.collect(index)

    def sync(self, rounds: int = 3) -> None:
        """Every instance receives the rosters of all, `rounds` times, until nothing changes."""
        for _ in range(rounds):
            for index in range(len(self.engines)):
                parcel = self.send(index)
                for other in range(len(self.engines)):
                    self.deliver(parcel, other)

    def collect(self, index: int) -> None:
        taken = self.engines[index].take_notifications()
        self.changed += len(taken.changed)
        for signal in taken.signals:
            if isinstance(signal, PresenceSignal):
                self.left += signal.left
                self.joined += [one.person for one in signal.joined]
            elif isinstance(signal, TypingSignal):
                self.typing.append(signal)

    # what is seen

    def states(self) -> list[PresenceState]:
        return [engine.state(ROOM, ALL, self.moment(index)) for index, engine in enumerate(self.engines)]

    def devices(self, index: int = 0) -> set[tuple[str, str]]:
        state = self.engines[index].state(ROOM, ALL, self.moment(index))
        return {(f"id:{one.id}", device.device) for one in state.presence.people for device in one.devices or []}


__all__ = ["ALL", "ROOM", "SETTINGS", "Parcel", "World", "person"]
