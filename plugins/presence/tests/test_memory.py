"""The contract, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from umbral_chat.telemetry import Telemetry
from umbral_chat.testing import ManualClock, PresenceContract, PresenceRig
from umbral_chat_presence.memory import MemoryPresence

from .settings import SMALL, rig_of


class TestMemory(PresenceContract):
    """Every guarantee of `Presence`."""

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[PresenceRig]:
        clock = ManualClock()
        yield rig_of(SMALL, MemoryPresence(SMALL, clock, Telemetry(None)), clock)
