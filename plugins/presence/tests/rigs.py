"""The rig of two instances on any store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from umbral_chat.clock import Clock
from umbral_chat.providers.store import SharedStore
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing import ManualClock, PresenceRig, ShiftedClock
from umbral_chat_presence.shared import SharedPresence

from .busy import Busy, quiet
from .settings import SMALL, rig_of


class OnAStore:
    """Stands before a contract among a class's bases."""

    def stores(self, clock: Clock) -> AbstractAsyncContextManager[tuple[SharedStore, SharedStore]]:
        """Two connections to one empty store. To be provided."""
        raise NotImplementedError

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[PresenceRig]:
        """See `PresenceContract.rig`."""
        clock = ManualClock()
        async with self.stores(clock) as opened:
            near, far = (Busy(store) for store in opened)
            clock.quiet = lambda: quiet((near, far))
            presence = SharedPresence(near.store, SMALL, clock, Telemetry(None))
            other = SharedPresence(far.store, SMALL, ShiftedClock(clock, 0.25), Telemetry(None))

            async def cut() -> None:
                near.away = True

            async def mend() -> None:
                near.away = False

            yield rig_of(SMALL, presence, clock, other=other, cut=cut, mend=mend)


__all__ = ["OnAStore"]
