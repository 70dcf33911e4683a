"""All connections together: how many there may be, and the end of those whose time is over."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any, Protocol

from umbral_chat.clock import Clock
from umbral_chat.server.refusals import Refusals
from umbral_chat.settings.sections import Limits
from umbral_chat.telemetry import Telemetry

SHARE = 0.8
"""Of the file descriptors: the rest is for the store, the log, and connections to others."""

UNLIMITED = 65_536
"""Descriptors that are reckoned with where the machine names no limit."""


class Admission(IntEnum):
    """What a new connection may do."""

    WHOLE = 0
    OPERATIONS = 1
    """Health and metrics only: the others' share is taken."""
    NONE = 2


class Timed(Protocol):
    """A connection with an end that is not open."""

    deadline: float
    """By the clock's monotonic time; infinity while the application has the word."""
    write_deadline: float
    """The same for what the client does not take."""

    def expire(self, now: float) -> None:
        """One of the deadlines is over."""
        ...


def descriptors() -> int:
    """How many file descriptors this process may open."""
    if sys.platform == "win32":
        return UNLIMITED
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def most_connections(limits: Limits, files: int) -> tuple[int, int]:
    """Connections at most, and how many of them for everything but health and metrics."""
    most = limits.connections or max(4, int(files * SHARE))
    return most, most - min(limits.reserved_connections, most // 4)


class Connections:
    """The bounds that a server's connections share."""

    def __init__(self, limits: Limits, telemetry: Telemetry, clock: Clock, held: set[Any]) -> None:
        """`held` are the server's connections, those that became WebSockets included."""
        self.limits = limits
        self.clock = clock
        self.refusals = Refusals(telemetry, clock)
        self._held = held
        self._most, self._ordinary = most_connections(limits, descriptors())
        self._timed: set[Timed] = set()
        telemetry.gauge("umbral_chat.http.connections", lambda: [((), len(held))])

    def admit(self, connection: Timed) -> Admission:
        """Take a new connection, which is held already, and say what it may do."""
        self._timed.add(connection)
        held = len(self._held)
        if held <= self._ordinary:
            return Admission.WHOLE
        return Admission.OPERATIONS if held <= self._most else Admission.NONE

    def leave(self, connection: Timed) -> None:
        """A connection is closed, or speaks another protocol from here on."""
        self._timed.discard(connection)

    def sweep(self) -> None:
        """End what is over. Asked once a second: a timer for each request would cost more than it is worth."""
        now = self.clock.monotonic()
        for one in list(self._timed):
            if now >= one.deadline or now >= one.write_deadline:
                one.expire(now)


__all__ = ["Admission", "Connections", "Timed", "descriptors", "most_connections"]
