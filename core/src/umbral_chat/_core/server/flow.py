"""Waiting on a connection at no cost until something waits: an `asyncio.Event` takes 0.7 KiB from its making on, and
of thousands of open streams none waits for its client to read, nor for more of its request."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.flow_control import FlowControl


class Latch:
    """`set`, `clear` and `wait` of an `asyncio.Event`, which is made by the first `wait` that has to."""

    __slots__ = ("_event", "_set")

    def __init__(self, *, is_set: bool = False) -> None:
        self._set = is_set
        self._event: asyncio.Event | None = None

    def is_set(self) -> bool:
        """Whether a `wait` returns at once."""
        return self._set

    def set(self) -> None:
        """Let all that wait go on."""
        self._set = True
        if self._event is not None:
            self._event.set()

    def clear(self) -> None:
        """Have the next `wait` wait for `set`."""
        self._set = False
        if self._event is not None:
            self._event.clear()

    async def wait(self) -> None:
        """Return once it is set, also if it was cleared meanwhile."""
        if self._set:
            return
        if self._event is None:
            self._event = asyncio.Event()
        await self._event.wait()


class Flow(FlowControl):
    """uvicorn's flow control of a connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        # uvicorn's own makes an Event, and nothing else that is not here (uvicorn 0.54).
        self._transport = transport
        self.read_paused = False
        self.write_paused = False
        self._is_writable_event = Latch(is_set=True)  # type: ignore[assignment]


__all__ = ["Flow", "Latch"]
