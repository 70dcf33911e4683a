"""The service's life: when it began, and the moment from which it only finishes what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from umbral_chat.clock import Clock


class Lifecycle:
    """Draining is announced before the server waits for its requests: who waits can be answered at once."""

    def __init__(self, clock: Clock) -> None:
        self.started_at = clock.now()
        self.draining = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def on_drain(self, listener: Callable[[], None]) -> None:
        """Call `listener` when draining begins."""
        self._listeners.append(listener)

    def drain(self) -> None:
        """Begin to drain. A second time nothing happens."""
        if self.draining.is_set():
            return
        self.draining.set()
        for listener in self._listeners:
            listener()


__all__ = ["Lifecycle"]
