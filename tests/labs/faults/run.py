"""The state of one seed's run: the shared one, with the links, what was done to them, and when what was broken."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx

from tests.labs.kit.facts import Reading
from tests.labs.kit.http1 import Answer, Connection, NoAnswer
from tests.labs.kit.proxy import Proxy
from tests.labs.kit.run import Run
from tests.labs.kit.service import Service

from .kinds import Fault
from .modes import Modes
from .outages import Span
from .schedule import Schedule, weights
from .snapshots import SnapshotReading

IMPATIENT = 1.0
"""Seconds: a client that waits less hangs up by itself, and no fault did it."""

KNOCK = (0.05, 0.2)
"""Seconds after a lost answer before a client does anything again: fifty that knock without a pause would keep the
machine too busy to start a service."""


@dataclass(slots=True)
class Struck:
    """A fault that was done, and its effect."""

    fault: Fault
    began: float
    ended: float = 0.0
    hits: int = 0
    """How often it was seen to hit a client or a link."""
    missed: str = ""
    """Why it could not be done, if so: another fault was in its way."""
    served: float | None = None
    """Seconds from its end to the next acknowledged send of one whom it struck."""


class Trip(NamedTuple):
    """One send that was answered 2xx."""

    written: float
    seconds: float
    instance: int


@dataclass(slots=True)
class Lab(Run):
    """One seed's run in progress."""

    schedule: Schedule = field(kw_only=True)
    clients: list[Proxy] = field(kw_only=True)
    """Before each instance."""
    gateways: list[Proxy] = field(kw_only=True)
    """Before the project, one for each instance; none without a project."""
    direct_link: Proxy | None = field(kw_only=True)
    """Before the project, for the pages that follow it by themselves; None without a project."""
    control: httpx.AsyncClient | None = field(kw_only=True)
    """Of the local Supabase, at `/_control/`."""
    watch: Modes = field(kw_only=True)
    judge: Service = field(kw_only=True)
    """A service that takes no part, for the last read."""
    struck: list[Struck] = field(default_factory=list)
    history: list[list[Span]] = field(default_factory=lambda: [[], []])
    """When the history was out of reach of each instance, its own process being gone included."""
    links: list[list[Span]] = field(default_factory=lambda: [[], []])
    """When clients could not get through to each instance."""
    expired: list[list[Span]] = field(default_factory=lambda: [[], []])
    """When users' tokens were over by the clock of each instance."""
    snapshots: list[SnapshotReading] = field(default_factory=list)
    applied: list[Reading] = field(default_factory=list)
    copies: list[SnapshotReading] = field(default_factory=list)
    """Of pages that follow directly and keep every message: what they applied, and what they had after each change."""
    followers: set[str] = field(default_factory=set)
    """Names of the readers that are such pages."""
    lost: Counter[int] = field(default_factory=Counter)
    """Requests without an answer, by instance."""
    unavailable: Counter[int] = field(default_factory=Counter)
    """Answers 503, by instance."""
    trips: list[Trip] = field(default_factory=list)
    switched: list[tuple[float, str]] = field(default_factory=list)
    """When the toggle was answered, and the mode that follows: `off`, or `on`."""
    judging: bool = False
    """Whether it is time for the last read: the judge is asked, and nobody else."""
    ends: float = 0.0
    """When the senders should be through; monotonic seconds."""

    @property
    def broken(self) -> str:
        return f"{len(self.struck)} faults ({self.struck[-1].fault.kind if self.struck else 'none yet'})"

    def written_through(self, instance: int) -> list[str]:
        """Each as often as its share."""
        weighted = zip(self.plan.names, weights(self.schedule), strict=True)
        return [name for name, weight in weighted for _ in range(weight)]

    def connection(self, instance: int = 0) -> Connection:
        if self.judging:
            return Connection(self.judge.host, self.judge.port)
        proxy = self.clients[instance]
        return _Counted(self, instance, "127.0.0.1", proxy.listens_on)

    def url(self, instance: int) -> str:
        """Where a reader of an instance connects by itself."""
        return f"http://127.0.0.1:{self.clients[instance].listens_on}"

    def direct(self, instance: int) -> Connection:
        """Past the proxy: what the lab itself asks."""
        return Connection(self.services[instance].host, self.services[instance].port)

    async def turn(self, left: int) -> None:
        """Spread the messages over the run."""
        await asyncio.sleep(max(0.0, (self.ends - time.monotonic()) / left))


class _Counted(Connection):
    """Counts what a client's requests met."""

    def __init__(self, run: Lab, instance: int, host: str, port: int) -> None:
        super().__init__(host, port)
        self._run, self._instance = run, instance

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        begun = time.monotonic()
        try:
            answer = await super().ask(method, path, body, headers=headers, timeout=timeout)
        except NoAnswer:
            self._run.lost[self._instance] += timeout > IMPATIENT
            await asyncio.sleep(random.uniform(*KNOCK))
            raise
        self._run.unavailable[self._instance] += answer.status == 503
        if method == "POST" and answer.status in {200, 201}:
            self._run.trips.append(Trip(begun, time.monotonic() - begun, self._instance))
        return answer


__all__ = ["Lab", "Struck", "Trip"]
