"""What a transport is tried with: a peer that does things elsewhere, and a listener for what the transport tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from umbral_chat.model.conversations import Head
from umbral_chat.model.entries import Sender
from umbral_chat.model.writes import Appended, Write, WriteMessage
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint, StateName, Transport, TransportEvent


class Logs(Protocol):
    """As much of a History as it takes to make things happen."""

    async def append(self, write: Write) -> Appended:
        """As `History.append`."""
        ...

    async def delete(self, conversation: str) -> bool:
        """As `History.delete`."""
        ...


@dataclass(frozen=True, slots=True)
class TransportRig:
    """Two instances on one store, as `TransportContract.rig` provides them."""

    transport: Transport
    """The one that is tried; not started."""
    peer: Transport
    """Another instance's, not started. It does not share memory with the first but for what it must."""
    logs: Logs
    """The history as the other instance writes it."""
    cut: Callable[[], Awaitable[None]]
    """From now on `transport` reaches nothing and hears nothing; `peer` and `logs` go on."""
    mend: Callable[[], Awaitable[None]]
    """Undo `cut`."""
    queue: int
    """The bound that the transport's queue of events was made with: small, so that it can be filled."""

    async def append(self, conversation: str, content: str = "hello") -> Head:
        """Let the other instance append a message; where the log stands then."""
        write = WriteMessage(conversation=conversation, subject="peer", sender=Sender("user"), content=content)
        appended = await self.logs.append(write)
        return Head(appended.epoch, appended.entry.seq)


@dataclass(slots=True)
class Listener:
    """Keeps what a transport tells, in order."""

    transport: Transport
    events: list[TransportEvent] = field(default_factory=list)
    ended: bool = False
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Read until the events end."""
        async for event in self.transport.events():
            self.events.append(event)
            self._came.set()
        self.ended = True
        self._came.set()

    async def until(
        self, wanted: Callable[[TransportEvent], bool], what: str, *, within: float, since: int = 0
    ) -> TransportEvent:
        """The first event from index `since` on that is `wanted`. Raises AssertionError after `within` seconds."""
        at = since
        try:
            async with asyncio.timeout(within):
                while True:
                    fresh, at = self.events[at:], len(self.events)
                    for event in fresh:
                        if wanted(event):
                            return event
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            last = "\n  ".join(map(repr, self.events[-8:])) or "nothing"
            raise AssertionError(
                f"{what} was not told within {within:g} s. The transport says {self.transport.state.state} "
                f"({self.transport.state.reason}); the last it told:\n  {last}"
            ) from None


def state_of(transport: Transport) -> StateName:
    """The name of its state, asked anew."""
    return transport.state.state


def tells(event: TransportEvent, conversation: str, head: Head) -> bool:
    """Whether the event hints that the log got as far as `head`."""
    match event:
        case HeadHint(conversation=of, head=Head(epoch=epoch, seq=seq)):
            return of == conversation and epoch == head.epoch and seq >= head.seq
        case EntryHint(conversation=of, epoch=epoch, entry=entry):
            return of == conversation and epoch == head.epoch and entry.seq >= head.seq
    return False


def about(event: TransportEvent) -> str | None:
    """The conversation that the event is about, if it is about one."""
    if isinstance(event, SignalHint):
        return event.signal.conversation
    return event.conversation if isinstance(event, HeadHint | EntryHint) else None


@asynccontextmanager
async def at_once(what: str) -> AsyncIterator[None]:
    """Raises AssertionError when what is inside waits for something."""
    try:
        async with asyncio.timeout(1.0):  # far more than it takes to put something into a queue
            yield
    except TimeoutError:
        raise AssertionError(f"{what} waits") from None


def open_files() -> int:
    """How many files and sockets this process holds; 0 where the system does not tell."""
    listing = Path("/proc/self/fd")
    return sum(1 for _ in listing.iterdir()) if listing.is_dir() else 0


__all__ = ["Listener", "Logs", "TransportRig", "about", "at_once", "open_files", "state_of", "tells"]
