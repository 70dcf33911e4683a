"""The base class of the presence suites."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from umbral_chat.testing.bounded import BoundedSuite
from umbral_chat.testing.presence.rig import PresenceRig, RunningPresence, running


class PresenceSuite(BoundedSuite):
    """The base of each part of the suite: its rig."""

    def rig(self) -> AbstractAsyncContextManager[PresenceRig]:
        """One instance, or two on one store. Subclasses implement it."""
        raise NotImplementedError

    def running(self) -> AbstractAsyncContextManager[RunningPresence]:
        """The instances running, with signals between them delivered at once."""
        return running(self.rig())


__all__ = ["PresenceSuite"]
