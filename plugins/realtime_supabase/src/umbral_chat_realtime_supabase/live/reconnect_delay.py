"""The delay before the next attempt to connect. Pure."""

from __future__ import annotations

import random

from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_realtime_supabase.live.disconnection import Disconnection, Kind

MIN_DELAY: dict[Kind, float] = {"unheard": 2.0, "limited": 5.0, "refused": 30.0}
"""Least seconds by the kind of disconnection: more requests do not help where there were too many, nor where the key is
refused. Where probes alone are lost, the cause may be a rate, too, or a replication that soon recovers. Doubled with
each disconnection of the same kind in a row, up to `MAX_MIN_DELAY`."""

MAX_MIN_DELAY = 60.0
"""Seconds: a plan's rates are means over a minute."""

INITIAL, MAXIMUM = 0.2, 10.0
"""Seconds, of the back-off with decorrelated jitter: instances that were disconnected together reconnect spread out."""


class ReconnectDelay:
    """Growing delays: a back-off, and a least delay by the kind of disconnection."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._random = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._backoff = Backoff(initial=INITIAL, maximum=MAXIMUM, rng=self._random)
        self._in_a_row: tuple[Kind | None, int] = (None, 0)

    def after(self, disconnection: Disconnection) -> float:
        """Seconds until the next attempt, after `disconnection`."""
        delay = self._backoff.next()
        kind, times = self._in_a_row
        self._in_a_row = (disconnection.kind, times + 1 if kind == disconnection.kind else 0)
        least = min(MAX_MIN_DELAY, MIN_DELAY.get(disconnection.kind, 0.0) * 2.0 ** min(self._in_a_row[1], 10))
        return max(delay, least * self._random.uniform(1.0, 1.5))

    def reset(self) -> None:
        """Begin with the shortest delay again: the link was live."""
        self._backoff.reset()
        self._in_a_row = (None, 0)


__all__ = ["INITIAL", "MAXIMUM", "MAX_MIN_DELAY", "MIN_DELAY", "ReconnectDelay"]
