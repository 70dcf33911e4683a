"""The contract, between two instances on one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from umbral_chat.telemetry import Telemetry
from umbral_chat.testing import ManualClock, PresenceRig, SharedPresenceContract, ShiftedClock
from umbral_chat_presence.shared import SharedPresence

from .settings import SMALL, rig_of
from .store import stores


class TestShared(SharedPresenceContract):
    """Every guarantee of `Presence`, on a store in memory; the other machine's wall clock is half a second ahead."""

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[PresenceRig]:
        clock = ManualClock()
        near, far = stores(clock)
        presence = SharedPresence(near.store, SMALL, clock, Telemetry(None))
        other = SharedPresence(far.store, SMALL, ShiftedClock(clock, 0.5), Telemetry(None))

        async def cut() -> None:
            near.away = True

        async def mend() -> None:
            near.away = False

        yield rig_of(SMALL, presence, clock, other=other, cut=cut, mend=mend)
