"""Whether the history answers, as those who ask it find out."""

from __future__ import annotations

import logging
from datetime import datetime

from umbral_chat.clock import Clock

log = logging.getLogger(__name__)

QUIET = 10.0
"""Seconds between two outages that are logged. With a full disk writes fail and reads go well, many times a second."""


class HistoryHealth:
    """`since` is when the history began not to answer; None while it does.

    Changes are logged here, so that the many who ask in vain need not log each their own: an outage's beginning and
    end, and of those that follow soon only how many there were.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.since: datetime | None = None
        self.reason = ""
        self.outages = 0
        """How many there were, with the one that goes on. Whoever asks notes it before."""
        self._logged = False
        """Whether the outage that goes on is in the log."""
        self._logged_at = float("-inf")
        self._unlogged = 0

    def failed(self, reason: str) -> None:
        """A call to the history found it unavailable."""
        if self.since is None:
            self.since = self._clock.now()
            self.outages += 1
            self._logged = False
            self._unlogged += 1
        self.reason = reason
        if not self._logged and self._clock.monotonic() - self._logged_at >= QUIET:
            # Also what began while it was quiet, and goes on.
            self._log(reason)

    def answered(self, asked: int) -> None:
        """A call to the history went well. `asked`: `outages` when it began; one that began before this outage says
        nothing of whether it is over."""
        if self.since is not None and asked == self.outages:
            if self._logged:
                log.warning("the history answers again; it did not since %s", self.since.isoformat())
            self.since = None
            self.reason = ""

    def _log(self, reason: str) -> None:
        before = self._unlogged - 1
        more = f" ({before} short outages more since the last one that was logged)" if before else ""
        log.warning("the history does not answer: %s%s", reason, more)
        self._logged, self._logged_at, self._unlogged = True, self._clock.monotonic(), 0


__all__ = ["QUIET", "HistoryHealth"]
