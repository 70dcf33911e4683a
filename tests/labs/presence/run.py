"""The state of one run: who takes part, what they did and saw, and when nothing can be asked of anybody."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tests.labs.kit.http1 import Connection
from tests.labs.kit.proxy import Proxy
from tests.labs.kit.service import Service

from .account import Span
from .observations import ObserverLog
from .plan import Plan
from .verdict import Violation

if TYPE_CHECKING:
    from .actor import Actor

SLOW = 1.0
"""Seconds from which on an answer, or the driver itself, is too slow to ask for anything in time."""


class RunAborted(Exception):
    """The run cannot go on."""


@dataclass(slots=True)
class Struck:
    """A fault that was done."""

    kind: str
    detail: str
    began: float
    ended: float = 0.0


@dataclass(slots=True)
class Agreed:
    """One observer's agreement with the truth in one round's peace."""

    round: int
    observer: str
    seconds: float
    """After everything was due."""
    mode: str


@dataclass(slots=True)
class Run:
    """One run in progress."""

    plan: Plan
    services: list[Service]
    gateways: list[Proxy]
    """Before the project, one for each instance."""
    control: httpx.AsyncClient
    """Of the stand-in, at `/_control/realtime/`."""
    key: str
    """The service key that everything but the page asks with."""
    began: float = field(default_factory=time.monotonic)
    actors: list[Actor] = field(default_factory=list)
    logs: list[ObserverLog] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)
    agreed: list[Agreed] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    blind: list[Span] = field(default_factory=list)
    cut: list[Span] = field(default_factory=list)
    """See `Excuses`."""
    modes: list[Counter[str]] = field(init=False)
    """Of each instance, how often it was seen in which mode."""
    mode_now: list[str] = field(init=False)
    changes: list[list[tuple[float, str]]] = field(init=False)
    """When the mode of each changed, and to which."""
    settled: int = 0
    """Peaces that were looked at to their end."""
    reports: int = 0
    requests: int = 0
    slowest: float = 0.0
    """Seconds that the slowest answer took since the last round began."""
    round: int = -1
    round_began: float = 0.0
    peace: bool = False
    over: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, when round or peace change."""

    def __post_init__(self) -> None:
        self.modes = [Counter() for _ in self.services]
        self.mode_now = ["" for _ in self.services]
        self.changes = [[] for _ in self.services]

    def connection(self, instance: int) -> Connection:
        """To one of the services."""
        return Connection(self.services[instance].host, self.services[instance].port, key=self.key)

    def notify(self) -> None:
        """Wake all who wait for another round or peace."""
        woken, self.woken = self.woken, asyncio.Event()
        woken.set()

    def took(self, began: float, answered: float) -> None:
        """Record that an answer was received, and how long it took."""
        self.requests += 1
        self.slowest = max(self.slowest, answered - began)
        if answered - began > SLOW:
            self.cannot_tell(began, answered)

    def cannot_tell(self, began: float, ended: float) -> None:
        """The driver, or an instance, was not on time."""
        self.blind.append(Span(began - SLOW, ended + SLOW))

    def was_cut(self, began: float, ended: float) -> None:
        """An instance did not get through to the store in time. It may be given up for lost, until it has been heard of
        again; each takes a third of the time to live."""
        self.cut.append(Span(began - SLOW, ended + 2 * self.plan.ttl / 3))

    def surprise(self, what: str) -> None:
        """Record an answer that the contract does not allow."""
        if len(self.violations) < 1000:
            self.violations.append(Violation("surprise", what))


__all__ = ["SLOW", "Agreed", "Run", "RunAborted", "Struck"]
