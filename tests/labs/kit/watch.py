"""A watch on the instances: the state of the live link, by `GET /v1/status` again and again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from .http1 import Connection, NoAnswer

EVERY = 0.1
"""Seconds between two polls of an instance."""


class Seen(NamedTuple):
    """From `at` on an instance was seen so. `since` reveals a change that was over between two polls."""

    at: float
    live: bool
    since: str
    reason: str


@dataclass(slots=True)
class Watch:
    """The states that each instance reported, one for each change."""

    seen: list[list[Seen]]

    def live_since(self) -> float | None:
        """Since when all are live, as far as was seen; None while one is not."""
        newest = [each[-1] if each else None for each in self.seen]
        if any(one is None or not one.live for one in newest):
            return None
        return max(one.at for one in newest if one is not None)

    def noticed(self, began: float, ended: float | None = None) -> list[float | None]:
        """When each instance first reported, in that time, that it is not live or has become so again."""
        return [
            next((one.at for one in each if one.at > began and (ended is None or one.at <= ended)), None)
            for each in self.seen
        ]

    def live_share(self, began: float, ended: float) -> list[float]:
        """The share of that time for which each was live."""
        shares = []
        for each in self.seen:
            ends = [one.at for one in each[1:]] + [ended]
            pairs = zip(each, ends, strict=False)
            live = sum(max(0.0, min(end, ended) - max(one.at, began)) for one, end in pairs if one.live)
            shares.append(live / (ended - began) if ended > began else 0.0)
        return shares

    async def look(self, instance: int, connection: Connection) -> None:
        """Poll one instance until cancelled, and record each change."""
        while True:
            try:
                status = (await connection.ask("GET", "/v1/status", timeout=10.0)).json()
            except (NoAnswer, ValueError):
                await asyncio.sleep(EVERY)
                continue
            self.take(instance, status, time.monotonic())
            await asyncio.sleep(EVERY)

    def take(self, instance: int, status: dict[str, Any], now: float) -> None:
        """Record what is new in a status."""
        states = [each["state"] for each in status["transports"] if each["rank"] > 0]
        since, reason = (states[0]["since"], states[0]["reason"]) if states else ("", status.get("reason") or "")
        live, known = status["mode"] == "live", self.seen[instance]
        if not known or (known[-1].live, known[-1].since) != (live, since):
            known.append(Seen(now, live, since, reason))


__all__ = ["EVERY", "Seen", "Watch"]
