"""The state of one run, and the calls of the service that are no load."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.labs.kit.http1 import Connection, NoAnswer
from tests.labs.kit.service import Service

from .observations import Observations
from .plan import Drawn, Plan
from .receiver import Receiver
from .verdict import Place
from .workers import Pull

KEY = "subscriptions-lab-key-0123456789abcdef"

STEADY, BROKEN, PULL = "steady", "broken", "pull"
"""The subscriptions: pushed to a receiver whose faults all pass, to one that never takes some entries, and claimed."""

PATIENCE = 60.0
"""Seconds in which a call of ours must succeed: an instance may be down."""


@dataclass
class Run:
    """One run in progress."""

    plan: Plan
    drawn: Drawn
    services: Sequence[Service]
    """Two instances on one store."""
    observed: Observations = field(default_factory=Observations)
    names: dict[str, str] = field(default_factory=dict)
    """The subscriptions' consumers."""
    killed: int = 0
    began: float = field(default_factory=time.monotonic)
    sent_after: float = 0.0
    """Seconds in which all was sent and the last fault was over."""
    settled_after: float = 0.0
    """Seconds in which all was delivered."""

    def __post_init__(self) -> None:
        self.receiver = Receiver(
            self.observed, random.Random(f"{self.plan.seed}/receiver"), refused={BROKEN: dict(self.drawn.refused)}
        )
        self.pull = Pull(
            PULL, self.services, KEY, self.observed, self.plan.seed, self.plan.lease, self.drawn.unfinished
        )

    def connection(self, instance: int) -> Connection:
        """A new one to an instance."""
        service = self.services[instance % len(self.services)]
        return Connection(service.host, service.port, key=KEY)

    def places(self, keys: Any) -> set[Place]:
        """Where the messages of these keys are stored."""
        return {(one.conversation, one.seq) for one in self.observed.stored if one.key in keys}

    @property
    def undeliverable(self) -> dict[str, set[Place]]:
        """What each subscription's dead letter must hold."""
        return {
            STEADY: set(),
            BROKEN: self.places(self.drawn.refused),
            PULL: self.places(self.drawn.unfinished),
        }

    async def call(self, method: str, path: str, body: object = None, *, expect: int = 200) -> Any:
        """The JSON of an answer, by whichever instance gives it. Raises TimeoutError, or RuntimeError for another
        status than the expected one."""
        async with asyncio.timeout(PATIENCE):
            answer, turn = None, 0
            while answer is None or answer.status == 503:
                connection = self.connection(turn)
                with contextlib.suppress(NoAnswer):
                    answer = await connection.ask(method, path, body)
                connection.close()
                turn += 1
                await asyncio.sleep(0 if answer is not None and answer.status != 503 else 0.2)
        if answer.status != expect:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {answer.body[:500]!r}")
        return answer.json() if answer.body else None

    async def consumers(self, *arguments: str) -> str:
        """What `umbral-chat consumers` prints, run as an operator does. Raises RuntimeError when it fails."""
        process = await asyncio.create_subprocess_exec(
            *("umbral-chat", "consumers", *arguments),
            env=self.services[0].environ,
            cwd=self.services[0].database.parent,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise RuntimeError(f"umbral-chat consumers {' '.join(arguments)}: {err.decode()[-1000:]}")
        return out.decode()

    async def dead_letters(self, name: str) -> list[Place]:
        """Conversation and seq of each dead letter of a subscription, as the command line has them."""
        lines = (await self.consumers("failed", self.names[name], "--json")).splitlines()
        found = [json.loads(line) for line in lines]
        return [(each["conversation"], each["seq"]) for each in found]


__all__ = ["BROKEN", "KEY", "PULL", "STEADY", "Run"]
