"""Base of the suites of a presence."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from umbral_chat.testing.bounded import BoundedSuite
from umbral_chat.testing.presence.rig import PresenceRig, Running, running


class PresenceSuite(BoundedSuite):
    """What each part of the suite stands on."""

    def rig(self) -> AbstractAsyncContextManager[PresenceRig]:
        """One instance, or two on one store. To be provided."""
        raise NotImplementedError

    def running(self) -> AbstractAsyncContextManager[Running]:
        """They run, and what one tells other instances reaches the other at once."""
        return running(self.rig())


__all__ = ["PresenceSuite"]
