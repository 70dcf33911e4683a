"""What a session, an address and a chat may cost: an open webhook costs its owner money."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from umbral_chat.errors import TooManyRequests, Unavailable
from umbral_chat.providers.store import SharedStore

KEPT = 20_000
"""Sessions or addresses whose rate is kept. One that was dropped counts as new."""

NAMESPACE = "n8n.sessions"
TWO_DAYS = 172_800.0
FARTHEST = 120.0
"""Seconds in which a minute's messages are there again, even if the instances' clocks differ by as much: a clock that
was ahead must not lock a session out for longer."""

CONTENDED = 8
"""Tries to count a message while others of the same session are counted."""


class Rate:
    """Holds each key to so many actions a minute, all of which may come at once (GCRA, ITU-T I.371). 0: no limit."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def check(self, key: str) -> None:
        """Count one. Raises TooManyRequests (`rate_limited`), and counts nothing then."""
        if self._per_minute <= 0:
            return
        now = self._monotonic()
        full_at = max(self._full_at.get(key, now), now) + 60.0 / self._per_minute
        wait = full_at - now - 60.0
        if wait > 1e-6:  # sums of floats may end just past the bound
            raise TooManyRequests("Too many messages.", headers={"Retry-After": str(math.ceil(wait))})
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > KEPT:
            self._full_at.popitem(last=False)


class SessionRecord(msgspec.Struct, frozen=True):
    """What a session has used, at all instances together."""

    day: str = ""
    count: int = 0
    """Messages of that day (UTC)."""
    full_at: float = 0.0
    """When its minute's messages are all there again, in seconds of Unix time (GCRA, as `Rate`)."""

    def counted(self, now: datetime, *, per_minute: int, per_day: int) -> SessionRecord:
        """After one message more; 0 is no limit. Raises TooManyRequests (`rate_limited`)."""
        day, time = f"{now:%Y-%m-%d}", now.timestamp()
        count = self.count if day == self.day else 0
        if 0 < per_day <= count:
            raise TooManyRequests("Too many messages today.", headers={"Retry-After": "3600"})
        full_at = self.full_at
        if per_minute > 0:
            if full_at > time + FARTHEST:
                full_at = time
            full_at = max(full_at, time) + 60.0 / per_minute
            if (wait := full_at - time - 60.0) > 1e-6:
                raise TooManyRequests("Too many messages.", headers={"Retry-After": str(math.ceil(wait))})
        return SessionRecord(day, count + 1, full_at)


async def count_message(store: SharedStore, conversation: str, now: datetime, *, per_minute: int, per_day: int) -> None:
    """Count a message of a session towards its minute and its day (UTC), at all instances together: one record has
    both, so that both cost one write. Raises TooManyRequests (`rate_limited`) and HistoryUnavailable."""
    if per_minute <= 0 and per_day <= 0:
        return
    for _ in range(CONTENDED):
        found = await store.get(NAMESPACE, conversation)
        used, version = (SessionRecord(), 0) if found is None else (_decoder.decode(found.value), found.version)
        value = _encoder.encode(used.counted(now, per_minute=per_minute, per_day=per_day))
        if await store.compare_and_set(NAMESPACE, conversation, value, expect=version, ttl=TWO_DAYS):
            return
    raise TooManyRequests("Too many messages at once.", headers={"Retry-After": "1"})


class PlaceLimit:
    """How many of each key may be there at once, and in all. 0: no limit of a key."""

    def __init__(self, most: int, *, in_all: int) -> None:
        self._most, self._in_all = most, in_all
        self._taken: dict[str, int] = {}
        self._sum = 0

    def has_left(self, key: str) -> bool:
        """Whether there is a place for one more of this key."""
        return self._sum < self._in_all and not 0 < self._most <= self._taken.get(key, 0)

    @contextmanager
    def taken(self, key: str) -> Iterator[None]:
        """One place. Raises TooManyRequests (`too_many_own_readers`), and Unavailable (`too_many_readers`) when all
        are taken."""
        if self._sum >= self._in_all:
            raise Unavailable("As many are here as may be.", code="too_many_readers", retry_after=5)
        if 0 < self._most <= self._taken.get(key, 0):
            raise TooManyRequests("As many of these are here as may be.", code="too_many_own_readers")
        self._taken[key] = self._taken.get(key, 0) + 1
        self._sum += 1
        try:
            yield
        finally:
            self._sum -= 1
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SessionRecord)

__all__ = ["CONTENDED", "KEPT", "PlaceLimit", "Rate", "SessionRecord", "count_message"]
