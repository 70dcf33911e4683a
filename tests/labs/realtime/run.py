"""The state of one soak: the shared one, with the stand-in that is commanded, the watch, and what was done."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.labs.kit.realtime_faults import Command
from tests.labs.kit.run import Run
from tests.labs.kit.watch import Watch

from .plan import Soak

TIMEOUT = 30.0
"""Seconds that the stand-in may take to obey."""


@dataclass(slots=True)
class Strike:
    """A fault that was done, and its effect."""

    kind: str
    detail: str
    began: float
    ended: float = 0.0
    hits: int = 0
    """How often it hit a socket or a channel, as the stand-in counted; 0 where it cannot."""
    noticed: float | None = None
    """Seconds from its beginning until the last instance that noticed reported that it is not live, or live again."""
    noticed_by: int = 0
    """Instances that did."""
    recovered: float | None = None
    """Seconds from its end until all were live; None if that was not seen before the run's end."""
    cut: bool = False
    """Whether the senders were through before it was over."""

    @property
    def over(self) -> float:
        """When all were live again, as far as that was seen; monotonic seconds."""
        return self.ended + (self.recovered or 0.0)


@dataclass(slots=True)
class SoakRun(Run):
    """One soak in progress."""

    soak: Soak = field(kw_only=True)
    control: httpx.AsyncClient = field(kw_only=True)
    """Of the stand-in, at `/_control/realtime/`."""
    watch: Watch = field(kw_only=True)
    strikes: list[Strike] = field(default_factory=list)
    rounds: int = 0
    """Rounds of all kinds of faults that are over."""
    step_ends: float = 0.0
    """When the fault under way and the quiet after it will be over, about; monotonic seconds."""
    steps_left: float = 0.0
    """Seconds that the first round's other faults will take, about."""
    switched: int = 0
    """Times that realtime was switched off and on, because it had failed too often to be used again soon."""
    ended: float = 0.0
    """When the readers had caught up; monotonic seconds."""

    @property
    def broken(self) -> str:
        return f"{len(self.strikes)} faults ({self.strikes[-1].kind if self.strikes else 'none yet'})"

    def written_through(self, instance: int) -> list[str]:
        """The first conversations are written through one instance each: there no entry of their own shows the others
        that they missed some."""
        instances = len(self.services)
        return [name for number, name in enumerate(self.plan.names) if number >= instances or number == instance]

    async def turn(self, left: int) -> None:
        """Spread the messages over the first round, so that each kind of fault meets some; later none is held back."""
        while not self.rounds:
            remaining = self.steps_left + max(3.0 * self.soak.brisk, self.step_ends - time.monotonic())
            pause = remaining / left - (self.round_trips[-1] if self.round_trips else 0.0)
            if left > 1:
                await asyncio.sleep(max(0.0, pause))
                return
            await asyncio.sleep(0.1)  # the last of all waits for the round's end

    async def command(self, *commands: Command) -> None:
        """Raises httpx.HTTPError."""
        for name, body in commands:
            (await self.control.post(name, json=body)).raise_for_status()

    async def switch(self, *, on: bool) -> None:
        """As an operator does. Raises NoAnswer."""
        connection = self.connection()
        try:
            await connection.ask("PUT", "/v1/admin/realtime", {"enabled": on}, timeout=TIMEOUT)
        finally:
            connection.close()

    async def hits(self) -> dict[str, int]:
        """As the stand-in counts them. Raises httpx.HTTPError."""
        state: dict[str, Any] = (await self.control.get("state")).raise_for_status().json()
        return dict(state["hits"])


__all__ = ["TIMEOUT", "SoakRun", "Strike"]
