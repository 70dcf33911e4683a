"""All connections together: how many there may be, and the end of those whose time is over."""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from math import inf
from typing import Any, Protocol

from umbral_chat._core.runtime.descriptors import descriptors, most_connections
from umbral_chat._core.server.refusals import Refusals
from umbral_chat._core.settings.sections import Limits
from umbral_chat.clock import Clock
from umbral_chat.telemetry import Telemetry

GRACE = 0.25
"""Seconds that a connection may wait for a request before it gives way to a newcomer: time for a request to follow the
connection on a slow line, and short, so that who comes again and again cannot keep the others out."""

EVICTION_SCAN_INTERVAL = 0.1
"""Seconds between two looks at all connections for some that can give way."""


class Admission(IntEnum):
    """What a new connection may do."""

    WHOLE = 0
    OPERATIONS = 1
    """Health and metrics only: the others' share is taken."""
    NONE = 2


class Stage(IntEnum):
    """What a connection would lose if it were closed, in the order in which they give way."""

    WAITING = 0
    """Nothing but time: no request has begun or is past its headers, or the answer was written."""
    ARRIVING = 1
    """A request whose body is not whole, and which is not answered."""
    SERVED = 2
    """An answer. It gives way to nobody."""


class ExpiringConnection(Protocol):
    """A connection with an end that is not open."""

    deadline: float
    """By the clock's monotonic time; infinity while the application has the word."""
    write_deadline: float
    """The same for what the client does not take."""
    since: float
    """When it began to wait for its client."""

    @property
    def stage(self) -> Stage:
        """What would be lost if it were closed."""
        ...

    def evict(self) -> None:
        """Close, so that another may come in."""
        ...

    def expire(self, now: float) -> None:
        """One of the deadlines is over."""
        ...


class Connections:
    """The bounds that a server's connections share."""

    def __init__(self, limits: Limits, telemetry: Telemetry, clock: Clock, held: set[Any]) -> None:
        """`held` are the server's connections, those that became WebSockets included."""
        self.limits = limits
        self.clock = clock
        self.refusals = Refusals(telemetry, clock)
        self._held = held
        self._most, self._ordinary = most_connections(limits, descriptors())
        self._slack = self._most - self._ordinary
        self._timed: set[ExpiringConnection] = set()
        self._eviction_queue: deque[tuple[ExpiringConnection, float]] = deque()
        self._scanned_at = -inf
        telemetry.gauge("umbral_chat.http.connections", lambda: [((), len(held))])

    def admit(self, connection: ExpiringConnection) -> Admission:
        """Take a new connection, which is held already, and say what it may do."""
        self._timed.add(connection)
        held = len(self._held)
        # Who gives way is held for a moment longer, so there may be a few more than there may be.
        if held <= self._ordinary or (held <= self._most + self._slack and self._make_room()):
            return Admission.WHOLE
        return Admission.OPERATIONS if held <= self._most else Admission.NONE

    def leave(self, connection: ExpiringConnection) -> None:
        """A connection is closed, or speaks another protocol from here on."""
        self._timed.discard(connection)

    def sweep(self) -> None:
        """End what is over. Asked once a second: a timer for each request would cost more than it is worth."""
        now = self.clock.monotonic()
        self._eviction_queue.clear()
        for one in list(self._timed):
            if now >= one.deadline or now >= one.write_deadline:
                one.expire(now)

    def _make_room(self) -> bool:
        """Close the connection whose client is waited for and whose deadline comes soonest: unused ones and unfinished
        headers before those that are idle after a request, and unfinished bodies last."""
        now = self.clock.monotonic()
        if not self._eviction_queue and now - self._scanned_at >= EVICTION_SCAN_INTERVAL:
            self._scanned_at = now
            found = [one for one in self._timed if one.stage < Stage.SERVED and now - one.since >= GRACE]
            found.sort(key=lambda one: (one.stage, one.deadline))
            self._eviction_queue.extend((one, one.since) for one in found)
        while self._eviction_queue:
            one, since = self._eviction_queue.popleft()
            if one in self._timed and one.stage < Stage.SERVED and one.since == since:
                one.evict()
                return True
        return False


__all__ = ["Admission", "Connections", "ExpiringConnection", "Stage"]
