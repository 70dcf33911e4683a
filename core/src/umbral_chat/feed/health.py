"""Whether the history answers, as those who ask it find out."""

from __future__ import annotations

import logging
from datetime import datetime

from umbral_chat.clock import Clock

log = logging.getLogger(__name__)


class HistoryHealth:
    """`since` is when the history began not to answer; None while it does.

    Each change is one log line here, so that the many who ask in vain need not log each their own.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.since: datetime | None = None
        self.reason = ""

    def failed(self, reason: str) -> None:
        """A call to the history found it unavailable."""
        if self.since is None:
            self.since = self._clock.now()
            log.warning("the history does not answer: %s", reason)
        self.reason = reason

    def answered(self) -> None:
        """A call to the history went well."""
        if self.since is not None:
            log.warning("the history answers again; it did not since %s", self.since.isoformat())
            self.since = None
            self.reason = ""


__all__ = ["HistoryHealth"]
