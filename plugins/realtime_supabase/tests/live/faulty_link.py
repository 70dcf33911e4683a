"""An instance to whose link faults are done on purpose, and what its transport reports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from umbral_chat.model.conversations import Head
from umbral_chat.model.entries import Sender
from umbral_chat.model.writes import WriteMessage
from umbral_chat.providers.history import History
from umbral_chat.providers.transport import EntryHint, StateChanged
from umbral_chat.testing.rig import Listener, tells
from umbral_chat_realtime_supabase.live import SupabaseTransport

from tests.labs.kit.standstill import TICK, noted, stood_still
from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

from .conftest import Instance, instance

ROOM = "room"


@dataclass
class FaultyLink:
    """Its transport runs and `ROOM` is watched; `logs` is the history at another instance."""

    stack: Stack
    here: Instance
    logs: History
    listener: Listener

    @property
    def transport(self) -> SupabaseTransport:
        return self.here.transport

    async def inject(self, what: str, **body: object) -> None:
        """Command a fault of the stand-in for Supabase."""
        await command(self.stack, f"realtime/{what}", **body)

    async def append(self, content: str = "hello", conversation: str = ROOM) -> Head:
        """Append a message at another instance; the head after it."""
        write = WriteMessage(conversation=conversation, subject="peer", sender=Sender("user"), content=content)
        appended = await self.logs.append(write)
        return Head(appended.epoch, appended.entry.seq)

    async def until_hinted(self, head: Head, within: float = 10.0) -> None:
        """Wait for a hint of this head or a later one."""
        await self.listener.until(lambda event: tells(event, ROOM, head), f"entry {head.seq}", within=within)

    async def delivers_live(self, within: float = 10.0) -> None:
        """Wait for a new entry to arrive by Realtime itself, whole."""
        head = await self.append("by realtime")
        await self.listener.until(
            lambda event: isinstance(event, EntryHint) and event.entry.seq == head.seq, "the entry", within=within
        )

    async def until(self, condition: Callable[[], bool], what: str, within: float) -> float:
        """Wait for the condition; the seconds it took, without those in which the machine stood still."""
        begun = time.monotonic()

        def took() -> float:
            return (now := time.monotonic()) - begun - stood_still(standstills, begun, now)

        async with noted() as standstills:
            while not condition():
                if took() >= within:
                    await asyncio.sleep(2 * TICK)  # one that has just been is noted, too
                    assert took() < within, f"not {what} within {within:g} s: {self.transport.state}"
                await asyncio.sleep(0.005)
            return took()

    async def until_down(self, within: float = 10.0) -> float:
        """Wait until it reports that it is not live; the seconds it took."""
        return await self.until(lambda: self.transport.state.state != "live", "found", within)

    async def until_live(self, within: float = 15.0) -> float:
        """Wait until it is live; the seconds it took."""
        return await self.until(lambda: self.transport.state.state == "live", "live", within)

    @property
    def reasons(self) -> list[str]:
        """The reasons of all states but `live` that it reported."""
        return [
            event.state.reason
            for event in self.listener.events
            if isinstance(event, StateChanged) and event.state.state != "live"
        ]


@asynccontextmanager
async def faulty_link(stack: Stack, *, live: bool = True, **settings: object) -> AsyncIterator[FaultyLink]:
    """A started instance; with `live`, wait until it is live."""
    async with instance(stack, **settings) as here, instance(stack) as elsewhere:  # type: ignore[arg-type]
        listener = Listener(here.transport)
        made = FaultyLink(stack, here, elsewhere.storage.history, listener)
        here.transport.watch(ROOM)
        await here.transport.start()
        reading = asyncio.create_task(listener.run())
        try:
            if live:
                await made.until_live()
                await made.delivers_live()
            yield made
        finally:
            await command(stack, "realtime/reset")
            await here.transport.stop()
            await asyncio.wait_for(reading, 5)


__all__ = ["ROOM", "FaultyLink", "faulty_link"]
