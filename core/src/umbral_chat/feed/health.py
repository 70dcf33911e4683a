"""Whether the history answers, as those who ask it find out."""

from __future__ import annotations

from datetime import datetime

from umbral_chat.clock import Clock


class HistoryHealth:
    """`since` is when the history began not to answer; None while it does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.since: datetime | None = None
        self.reason = ""

    def failed(self, reason: str) -> None:
        """A call to the history found it unavailable."""
        if self.since is None:
            self.since = self._clock.now()
        self.reason = reason

    def answered(self) -> None:
        """A call to the history went well."""
        if self.since is not None:
            self.since = None
            self.reason = ""


__all__ = ["HistoryHealth"]
