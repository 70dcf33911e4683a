"""What the hub writes to: the connection of one subscriber, and the form that frames have on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from umbral_chat.feed import EncodedEntry

from umbral_chat_streaming.status import Closed


class FrameFormat(Protocol):
    """How events are encoded on one kind of connection. Frames are bytes that can be joined.

    Formats that are equal encode equally: the hub encodes once for all sinks with equal formats, so one format serves
    every subscriber of a conversation on an edge. It is hashable; `epoch` is of the log that the entries are from.
    """

    def entries(self, conversation: str, epoch: str, entries: Sequence[EncodedEntry]) -> bytes:
        """The entries, each with the cursor behind it."""
        ...

    def signal(self, conversation: str, signal: bytes) -> bytes:
        """A signal, which is given as JSON."""
        ...

    def status(self, conversation: str, status: bytes) -> bytes:
        """A status, which is given as JSON."""
        ...

    def heartbeat(self) -> bytes:
        """What shows that the connection is alive; nothing (`b""`) where the connection does that by itself."""
        ...


class Sink(Protocol):
    """The connection of one subscriber, or a subscription's share in it. Every method is called on the event loop.

    Guarantees:

    - *Order.* What is written leaves in the order of the calls, and each frame whole or, when the connection ends, not
      at all or in part.
    - *Bounds.* Between a `write` that returned False and the return of `drained` nothing is written, so a slow client
      costs what its connection buffers and one frame.
    """

    @property
    def format(self) -> FrameFormat:
        """The form of what is written to it. It never changes."""
        ...

    def write(self, frame: bytes) -> bool:
        """Write a frame. It never waits. Either way the frame is taken: True if the next one may follow at once; False
        if the client does not keep up, or is gone, which `drained` then finds. Must not raise."""
        ...

    async def drained(self) -> None:
        """Wait until the next frame may be written. Called in a task of the hub, which may be cancelled.

        Raises ConnectionError when the client has left, and TimeoutError when it read nothing for the write time-out
        (`core.limits.write_timeout`).
        """
        ...

    def close(self, status: Closed) -> None:
        """The subscription ends by the service's decision: send the status as the last event, if the connection takes
        it without waiting, and end the connection, or the share in it. Called once, as the last call. Must not
        raise."""
        ...


__all__ = ["FrameFormat", "Sink"]
