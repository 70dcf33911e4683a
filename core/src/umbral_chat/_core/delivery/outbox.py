"""Signals on their way to other instances, until the transport in use takes them."""

from __future__ import annotations

import asyncio
from collections import deque

from umbral_chat.model.signals import Signal

LIMIT = 1000
"""Signals waiting to be published. Signals are ephemeral: past the limit the oldest is dropped."""


class SignalOutbox:
    """A bounded queue whose writers never wait. The one place where a signal is dropped before a transport has it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._waiting: deque[Signal] = deque(maxlen=limit)
        self._filled = asyncio.Event()

    def put(self, signal: Signal) -> None:
        """Queue a signal, best effort. Never waits, never raises."""
        self._waiting.append(signal)
        self._filled.set()

    async def get(self) -> Signal:
        """The oldest one, as soon as there is one. For a single reader."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self._waiting.popleft()


__all__ = ["LIMIT", "SignalOutbox"]
