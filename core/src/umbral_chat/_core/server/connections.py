"""All connections of the server: how many there may be, and the end of those that are past a deadline."""

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
"""Seconds that a connection may wait for its request before a new one may replace it: time for the request to follow
the connection on a slow line, but short, so that one client that reconnects again and again cannot keep others out."""

EVICTION_SCAN_INTERVAL = 0.1
"""Seconds between two scans of all connections for those that can be evicted."""


class Admission(IntEnum):
    """What a new connection may do."""

    WHOLE = 0
    OPERATIONS = 1
    """Only requests for health and metrics: all other places are in use."""
    NONE = 2


class Stage(IntEnum):
    """What would be lost if a connection were closed: the order in which connections are evicted."""

    WAITING = 0
    """Only time: no request has begun or is past its headers, or the answer was written."""
    ARRIVING = 1
    """A request whose body is incomplete, and which is not answered."""
    SERVED = 2
    """An answer. Such a connection is never evicted."""


class ExpiringConnection(Protocol):
    """A connection with deadlines."""

    deadline: float
    """In the clock's monotonic time; infinity while the application handles a request."""
    write_deadline: float
    """The same, for a client that does not read its answer."""
    since: float
    """Monotonic time at which it began to wait for its client."""

    @property
    def stage(self) -> Stage:
        """What would be lost if the connection were closed now."""
        ...

    def evict(self) -> None:
        """Close, to make room for another connection."""
        ...

    def expire(self, now: float) -> None:
        """End the connection, or what it waits for: a deadline has passed at `now`."""
        ...


class Connections:
    """The bounds that all connections of a server share."""

    def __init__(self, limits: Limits, telemetry: Telemetry, clock: Clock, held: set[Any]) -> None:
        """`held` is the server's own set of connections, those that became WebSockets included."""
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
        """Register a new connection, which is in `held` already; what it may do."""
        self._timed.add(connection)
        held = len(self._held)
        # An evicted connection stays in `held` for a moment, so the bound may be exceeded by a few.
        if held <= self._ordinary or (held <= self._most + self._slack and self._make_room()):
            return Admission.WHOLE
        return Admission.OPERATIONS if held <= self._most else Admission.NONE

    def keep(self, connection: ExpiringConnection) -> None:
        """Watch the deadlines of one that was admitted as another: a WebSocket, which was a connection."""
        self._timed.add(connection)

    def leave(self, connection: ExpiringConnection) -> None:
        """A connection is closed, or became a WebSocket."""
        self._timed.discard(connection)

    def sweep(self) -> None:
        """Expire the connections that are past a deadline. Called once a second: a timer for each request would cost
        more."""
        now = self.clock.monotonic()
        self._eviction_queue.clear()
        for one in list(self._timed):
            if now >= one.deadline or now >= one.write_deadline:
                one.expire(now)

    def _make_room(self) -> bool:
        """Evict the waiting connection with the earliest deadline: unused ones and unfinished headers before those that
        are idle after a request, and unfinished bodies last. False: there is none."""
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
