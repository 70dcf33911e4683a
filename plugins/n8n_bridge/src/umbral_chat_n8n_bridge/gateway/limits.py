"""What a session, an address and a chat may cost: an open webhook costs its owner money."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from umbral_chat.errors import TooManyRequests
from umbral_chat.providers.store import SharedStore

KEPT = 20_000
"""Sessions or addresses whose rate is kept. One that was dropped counts as new."""

NAMESPACE = "n8n.days"
TWO_DAYS = 172_800.0
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


async def count_today(store: SharedStore, conversation: str, most: int, now: datetime) -> None:
    """Count a message of a session towards its day (UTC), at all instances together. `most` 0: no limit. Raises
    TooManyRequests (`rate_limited`) and HistoryUnavailable."""
    if most <= 0:
        return
    key = f"{conversation}/{now:%Y-%m-%d}"
    for _ in range(CONTENDED):
        found = await store.get(NAMESPACE, key)
        count, version = (0, 0) if found is None else (int(found.value), found.version)
        if count >= most:
            break
        if await store.compare_and_set(NAMESPACE, key, b"%d" % (count + 1), expect=version, ttl=TWO_DAYS):
            return
    raise TooManyRequests("Too many messages today.", headers={"Retry-After": "3600"})


__all__ = ["CONTENDED", "KEPT", "Rate", "count_today"]
