"""Whether the history answers, as the calls to it show."""

from __future__ import annotations

import logging
from datetime import datetime

from umbral_chat.clock import Clock

log = logging.getLogger(__name__)

LOG_INTERVAL = 10.0
"""Seconds between two outages that are logged. With a full disk writes fail and reads succeed, many times a second."""


class HistoryHealth:
    """`since` is when the history stopped answering; None while it answers.

    Outages are logged here, so that the many callers that fail need not each log their own: the beginning and end of
    an outage, and of those that follow soon after only the number.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.since: datetime | None = None
        self.reason = ""
        self.outages = 0
        """Number of outages, the present one included. A caller notes it before each call, for `answered`."""
        self._logged = False
        """Whether the present outage was logged."""
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
        if not self._logged and self._clock.monotonic() - self._logged_at >= LOG_INTERVAL:
            # Also an outage that began within the interval, and goes on.
            self._log(reason)

    def answered(self, asked: int) -> None:
        """A call to the history succeeded. `asked`: `outages` when the call began; one that began before this outage
        does not show that it is over."""
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


__all__ = ["LOG_INTERVAL", "HistoryHealth"]
