"""The rig of the transport contract: a peer at another instance, and a listener for the transport's events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import Message, Sender
from umbral_chat.model.writes import Appended, Write, WriteMessage
from umbral_chat.providers.transport import (
    Announces,
    EntryHint,
    HeadHint,
    SignalHint,
    StateName,
    Transport,
    TransportEvent,
)


class Logs(Protocol):
    """The part of a History that the contract writes with."""

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
    """The transport under test; not started: the tests start and stop it several times."""
    peer: Transport
    """Another instance's, not started: the tests start it where it has to do something, and always when it announces
    (`Announces`), since then nothing else announces what `logs` writes. It shares no memory with the first except what
    it must."""
    logs: Logs
    """The history as the other instance writes it."""
    cut: Callable[[], Awaitable[None]]
    """From now on `transport` can neither send nor receive: cut everything that it uses, the store as well as the
    connection for hints, in both directions, and make reconnecting fail, too. Cut it as an outage
    would, not by a call of the transport's own. `peer` and `logs` go on."""
    mend: Callable[[], Awaitable[None]]
    """Undo all of `cut`. The transport must recover by itself."""
    queue: int
    """The bound that the transport's queue of events was made with (what a service gives as `realtime.hint_queue`):
    small, some 16 to 64, so that it can be filled. At most this many signals, and whole entries, may wait unread; see
    `most_events`."""

    async def append(self, conversation: str, content: str = "hello") -> Head:
        """Let the other instance append a message; the log's head then."""
        write = WriteMessage(conversation=conversation, subject="peer", sender=Sender("user"), content=content)
        appended = await self.logs.append(write)
        if isinstance(self.peer, Announces):
            await self.peer.announce(EntryHint(conversation, appended.epoch, appended.entry))
        return Head(appended.epoch, appended.entry.seq)

    async def delete(self, conversation: str) -> None:
        """Let the other instance delete the conversation."""
        await self.logs.delete(conversation)
        if isinstance(self.peer, Announces):
            await self.peer.announce(HeadHint(conversation, Deleted()))


@asynccontextmanager
async def paired(made: AbstractAsyncContextManager[TransportRig], *, within: float) -> AsyncIterator[TransportRig]:
    """The rig, with its peer running if that has to announce. Raises AssertionError when it is not live in time."""
    async with made as rig:
        if not isinstance(rig.peer, Announces):
            yield rig
            return
        await rig.peer.start()
        try:
            deadline = asyncio.get_running_loop().time() + within
            while rig.peer.state.state != "live":
                assert asyncio.get_running_loop().time() < deadline, f"the peer is {rig.peer.state}"
                await asyncio.sleep(0.01)
            yield rig
        finally:
            await rig.peer.stop()


@dataclass(slots=True)
class Listener:
    """Records the events of a transport, in order."""

    transport: Transport
    events: list[TransportEvent] = field(default_factory=list)
    ended: bool = False
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Read until the events end."""
        async for event in self.transport.events():
            self.events.append(event)
            self._arrived.set()
        self.ended = True
        self._arrived.set()

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
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            last = "\n  ".join(map(repr, self.events[-8:])) or "nothing"
            raise AssertionError(
                f"{what} did not arrive within {within:g} s. The transport is {self.transport.state.state} "
                f"({self.transport.state.reason}); its last events:\n  {last}"
            ) from None


def state_of(transport: Transport) -> StateName:
    """The name of the transport's state now."""
    return transport.state.state


def tells(event: TransportEvent, conversation: str, head: Head) -> bool:
    """Whether the event hints that the log got as far as `head`."""
    match event:
        case HeadHint(conversation=of, head=Head(epoch=epoch, seq=seq)):
            return of == conversation and epoch == head.epoch and seq >= head.seq
        case EntryHint(conversation=of, epoch=epoch, entry=entry):
            return of == conversation and epoch == head.epoch and entry.seq >= head.seq
    return False


EPOCH = "aaaaaaaaaa"
"""The epoch of announced entries that are in no log."""


def announced(conversation: str, seq: int) -> EntryHint:
    """A hint of an entry that is in no log, and far ahead of every log."""
    at, sender = datetime(2026, 1, 1, tzinfo=UTC), Sender("user", "peer")
    return EntryHint(
        conversation, EPOCH, Message(seq=seq, at=at, sender=sender, message_id=f"m{seq}", content="announced")
    )


def passes_on(event: TransportEvent, hint: EntryHint | HeadHint) -> bool:
    """Whether the event is the announced hint, whole or shortened to a head."""
    match hint:
        case EntryHint():
            return tells(event, hint.conversation, Head(hint.epoch, hint.entry.seq))
        case HeadHint(head=Head() as head):
            return tells(event, hint.conversation, head)
    return event == hint


def most_events(queue: int, conversations: int) -> int:
    """How many events may wait unread for a bound of `queue`: as many signals and as many whole entries; of each
    conversation the two newest heads that contradict each other, and the head of entries that did not fit; the newest
    state, and the newest toggle."""
    return 2 * queue + 3 * conversations + 2


def about(event: TransportEvent) -> str | None:
    """The conversation of the event, if it has one."""
    if isinstance(event, SignalHint):
        return event.signal.conversation
    return event.conversation if isinstance(event, HeadHint | EntryHint) else None


@asynccontextmanager
async def at_once(what: str) -> AsyncIterator[None]:
    """Raises AssertionError when its body takes longer than a second, so it waits for something."""
    try:
        async with asyncio.timeout(1.0):  # far more than it takes to put something into a queue
            yield
    except TimeoutError:
        raise AssertionError(f"{what} waits") from None


def open_files() -> int:
    """The number of open files and sockets of this process; 0 where the system does not show it."""
    listing = Path("/proc/self/fd")
    return sum(1 for _ in listing.iterdir()) if listing.is_dir() else 0


__all__ = [
    "EPOCH",
    "Listener",
    "Logs",
    "TransportRig",
    "about",
    "announced",
    "at_once",
    "most_events",
    "open_files",
    "paired",
    "passes_on",
    "state_of",
    "tells",
]
