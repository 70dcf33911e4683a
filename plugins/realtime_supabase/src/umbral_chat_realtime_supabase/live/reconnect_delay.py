"""How long to wait after a link was lost. Pure."""

from __future__ import annotations

import random

from umbral_chat_realtime_supabase.live.disconnection import Kind, Lost

LEAST: dict[Kind, float] = {"unheard": 2.0, "limited": 5.0, "refused": 30.0}
"""Seconds at least: too much is not helped by more, and a key that is refused by asking again. Where probes alone are
lost, that may be a rate, too, or a replication that soon comes back. Doubled while the same goes on, up to
`PATIENT`."""

PATIENT = 60.0
"""Seconds: a plan's rates are means over a minute."""

FIRST, LONGEST, GROWTH = 0.2, 10.0, 3.0
"""Seconds, seconds, factor: decorrelated jitter, so that instances that were cut off together come back spread out."""


class Pauses:
    """Growing pauses; `reset` when it went well."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._random = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._last = FIRST
        self._in_a_row: tuple[Kind | None, int] = (None, 0)

    def after(self, lost: Lost) -> float:
        """Seconds until the next try."""
        self._last = min(LONGEST, self._random.uniform(FIRST, self._last * GROWTH))
        kind, times = self._in_a_row
        self._in_a_row = (lost.kind, times + 1 if kind == lost.kind else 0)
        least = min(PATIENT, LEAST.get(lost.kind, 0.0) * 2.0 ** min(self._in_a_row[1], 10))
        return max(self._last, least * self._random.uniform(1.0, 1.5))

    def reset(self) -> None:
        """It went well."""
        self._last = FIRST
        self._in_a_row = (None, 0)


__all__ = ["FIRST", "GROWTH", "LEAST", "LONGEST", "PATIENT", "Pauses"]
