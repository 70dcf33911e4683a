"""Two instances on the embedded store, one of which can be cut off from it, for tests of transports and edges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from umbral_chat._core.sqlite import open_storage
from umbral_chat._moved import moved
from umbral_chat.clock import SystemClock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.history import Storage


class SwitchableTransport:
    """A proxy of an instance's history or shared store. While unplugged, every call raises HistoryUnavailable."""

    def __init__(self, real: object) -> None:
        self.real = real
        self.unplugged = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def call(*positional: object, **named: object) -> object:
            if self.unplugged:
                raise HistoryUnavailable("The store was unplugged.")
            return await getattr(self.real, name)(*positional, **named)

        return call


@dataclass(frozen=True, slots=True)
class Instances:
    """The storages of two instances on one new SQLite file."""

    file: Path
    here: Storage
    """The storage that `unplug` cuts off."""
    elsewhere: Storage
    plugs: tuple[SwitchableTransport, SwitchableTransport]

    async def unplug(self) -> None:
        """From now on `here` cannot reach its store."""
        for plug in self.plugs:
            plug.unplugged = True

    async def plug(self) -> None:
        """Undo `unplug`."""
        for plug in self.plugs:
            plug.unplugged = False


@asynccontextmanager
async def two_instances() -> AsyncIterator[Instances]:
    """Open both; at the end they are closed and the file is removed."""
    async with AsyncExitStack() as stack:
        file = Path(stack.enter_context(TemporaryDirectory())) / "chat.sqlite3"
        here, elsewhere = (open_storage(file, clock=SystemClock()) for _ in range(2))
        await stack.enter_async_context(here.lifespan)
        await stack.enter_async_context(elsewhere.lifespan)
        history, store = SwitchableTransport(here.history), SwitchableTransport(here.store)
        wired = replace(here, history=cast("Any", history), store=cast("Any", store))
        yield Instances(file, wired, elsewhere, (history, store))


__getattr__ = moved(__name__, __name__, {"Plug": "SwitchableTransport"})

__all__ = ["Instances", "SwitchableTransport", "two_instances"]
