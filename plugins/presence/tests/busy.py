"""A store with real I/O under a clock that stands still: time goes on when no call is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.store import SharedStore
from umbral_chat.testing.clock import turns


class Busy:
    """Stands before a store and knows how many of its calls are under way."""

    def __init__(self, real: SharedStore) -> None:
        self._real = real
        self.under_way = 0
        self.away = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def call(*positional: object, **named: object) -> object:
            if self.away:
                raise HistoryUnavailable("The store is away.")
            self.under_way += 1
            try:
                return await getattr(self._real, name)(*positional, **named)
            finally:
                self.under_way -= 1

        return call

    @property
    def store(self) -> SharedStore:
        return cast("SharedStore", cast("Any", self))


async def quiet(stores: Sequence[Busy]) -> None:
    """Until no call is under way, and none follows."""
    await turns()
    while any(store.under_way for store in stores):
        await asyncio.sleep(0.0005)
        await turns()


__all__ = ["Busy", "quiet"]
