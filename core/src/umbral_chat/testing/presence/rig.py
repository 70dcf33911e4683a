"""The rig of the presence contract: a clock that the test moves, and a recorder of what an instance publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from umbral_chat._moved import moved
from umbral_chat.model.entries import Role, Sender
from umbral_chat.model.signals import (
    Mode,
    PresenceSignal,
    RosterSignal,
    Signal,
    TypingSignal,
    signal_decoder,
    signal_encoder,
)
from umbral_chat.providers.presence import DEVICE, Presence, PresenceLink, PresenceList, Renewal, Report, Viewer
from umbral_chat.testing.clock import ManualClock

VISITOR = Viewer()
OPERATOR = Viewer(ids=True, last_seen=True)


def ann() -> Sender:
    """A visitor."""
    return Sender("user", "ann", "Ann")


def somebody(number: int, role: Role = "user") -> Sender:
    """One of many people, by number."""
    return Sender(role, f"u{number}", f"Nº {number}")


async def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class PresenceRig:
    """One instance, or two on one store, as `PresenceContract.rig` provides them: not attached, not entered."""

    presence: Presence
    clock: ManualClock
    ttl: float
    """This and the following are the settings that the presences were made with; bounds are small numbers."""
    hold_back: float
    typing_ttl: float
    assistant_typing_ttl: float
    listed_people: int
    devices_per_person: int
    devices: int
    """The bound of devices in one conversation."""
    other: Presence | None = None
    """Another instance's presence, which shares only the store with the first."""
    cut: Callable[[], Awaitable[None]] = _nothing
    """From now on `presence` cannot reach the store; `other` can."""
    mend: Callable[[], Awaitable[None]] = _nothing
    """Undo `cut`."""


@dataclass(slots=True)
class SignalRecorder:
    """Records what one instance publishes. `wire` is called with its signals for other instances."""

    changed: list[str] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    wire: Callable[[Signal], None] | None = None

    def link(self, mode: Mode) -> PresenceLink:
        """The link to attach to the presence, in this mode."""
        return PresenceLink(self._publish, self.changed.append, lambda: mode)

    def clear(self) -> None:
        """Drop what was recorded."""
        self.changed.clear()
        self.signals.clear()

    @property
    def presences(self) -> list[PresenceSignal]:
        """The recorded presence signals."""
        return [one for one in self.signals if isinstance(one, PresenceSignal)]

    @property
    def typings(self) -> list[TypingSignal]:
        """The recorded typing signals."""
        return [one for one in self.signals if isinstance(one, TypingSignal)]

    @property
    def joined(self) -> list[str]:
        """Opaque names of all who joined."""
        return [one.person for signal in self.presences for one in signal.joined]

    @property
    def left(self) -> list[str]:
        """Opaque names of all who left."""
        return [one for signal in self.presences for one in signal.left]

    def _publish(self, signal: Signal) -> None:
        self.signals.append(signal)
        if self.wire is not None:
            self.wire(signal)


class Side:
    """A running instance, with short methods for tests."""

    def __init__(self, presence: Presence, clock: ManualClock) -> None:
        self.presence = presence
        self.ears = SignalRecorder()
        self._clock = clock

    def report(self, person: Sender | None = None, *, room: str = "room", **more: object) -> Renewal:
        """Report a device of `person` (default: Ann)."""
        return self.presence.report(room, Report(person=person or ann(), **more))  # type: ignore[arg-type]

    def leave(self, person: Sender | None = None, device: str = DEVICE) -> bool:
        """Let a device of `person` (default: Ann) leave."""
        return self.presence.leave("room", person or ann(), device)

    def shown(self, viewer: Viewer = OPERATOR, room: str = "room") -> PresenceList:
        """The presence list of a conversation."""
        return self.presence.state(room, viewer).presence

    def ids(self, room: str = "room") -> list[str | None]:
        """The ids of the people who are present."""
        return [one.id for one in self.shown(room=room).people]

    def types(self, viewer: Viewer = OPERATOR) -> list[str | None]:
        """The ids of the people who are typing, or their opaque names for a viewer who sees no ids."""
        return [one.id if viewer.ids else one.person for one in self.presence.state("room", viewer).typing]

    async def settled(self, room: str = "room") -> None:
        """Call `Presence.settled` and move the clock until it returns, for at most 10 s."""
        waiting = asyncio.ensure_future(self.presence.settled(room))
        for _ in range(40):
            await self._clock.quiet()
            if waiting.done():
                break
            await self._clock.elapse(0.25)
        assert waiting.done(), "settled waits for more than 10 s"
        await waiting


@dataclass(slots=True)
class RunningPresence:
    """The running instances: one, or two."""

    rig: PresenceRig
    here: Side
    there: Side
    """The same as `here` where there is only one."""
    stop: Callable[[], Awaitable[None]]
    """Stop the first instance, as at a shutdown; its tasks have ended afterwards."""

    async def elapse(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        await self.rig.clock.elapse(seconds)


@asynccontextmanager
async def running(
    making: AbstractAsyncContextManager[PresenceRig], *, mode: Mode = "live", wired: bool = True
) -> AsyncIterator[RunningPresence]:
    """Run the instances of a rig. `wired`: signals of one for other instances reach the other at once."""
    async with making as rig, AsyncExitStack() as stack:
        here = Side(rig.presence, rig.clock)
        there = here if rig.other is None else Side(rig.other, rig.clock)
        if wired and rig.other is not None:
            here.ears.wire, there.ears.wire = _wire(there), _wire(here)
        first = AsyncExitStack()
        for side in {id(one): one for one in (there, here)}.values():
            side.presence.attach(side.ears.link(mode))
            entered = await (first if side is here else stack).enter_async_context(side.presence.lifespan)
            del entered
        stack.push_async_callback(first.aclose)
        yield RunningPresence(rig, here, there, first.aclose)


def _wire(to: Side) -> Callable[[Signal], None]:
    def carry(signal: Signal) -> None:
        if isinstance(signal, RosterSignal):
            arrived = signal_decoder.decode(signal_encoder.encode(signal))
            assert isinstance(arrived, RosterSignal)
            to.presence.learn(arrived)

    return carry


__getattr__ = moved(__name__, __name__, {"Ears": "SignalRecorder", "Running": "RunningPresence"})

__all__ = [
    "OPERATOR",
    "VISITOR",
    "PresenceRig",
    "RunningPresence",
    "Side",
    "SignalRecorder",
    "ann",
    "running",
    "somebody",
]
