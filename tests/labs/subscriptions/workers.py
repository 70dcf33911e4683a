"""Workers that claim, and finish what they claimed in every way: at once, late, not at all, or without learning how."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.labs.kit.http1 import Answer, Connection, NoAnswer
from tests.labs.kit.service import Service

from .observations import Claim, Observations
from .plan import MERCY
from .receiver import event_of

WAIT = 5
"""Seconds that a claim waits for something to claim; short, so that workers change between the instances."""

WAYS = {"ack": 78, "slow": 6, "late": 4, "forget": 4, "release": 6, "hang up": 2}
"""How often each way of finishing a claim is drawn. `slow` acknowledges near the lease's end, `late` after it, `forget`
never, and `hang up` waits for no answer."""

EXPIRE = {"late", "forget"}
"""Those after which the lease expires."""

LATE = (1.5, 3.0)
"""Seconds after the lease's end of a late ack."""

SLOW = (2.0, 2.5)
"""Seconds before the lease's end of a slow one."""

PAUSE = 0.1
"""Seconds between two tries while an instance is down."""


@dataclass
class Pull:
    """What the workers of one subscription share."""

    name: str
    services: Sequence[Service]
    key: str
    observed: Observations
    seed: int
    lease: float
    """Seconds."""
    unfinished: frozenset[str] = frozenset()
    """Keys of the messages that they never acknowledge."""
    calm: bool = False
    """From now on they acknowledge at once whatever they may."""
    hits: Counter[str] = field(default_factory=Counter)
    """Claims by the way in which they were finished."""
    failures: Counter[str] = field(default_factory=Counter)
    """Claims that were let expire, by the id of their first event: each of them counts as a try of it."""

    def connection(self, instance: int) -> Connection:
        """A new one to an instance."""
        service = self.services[instance % len(self.services)]
        return Connection(service.host, service.port, key=self.key)


class Worker:
    """Claims from the instances in turn, and finishes what it was given through either."""

    def __init__(self, pull: Pull, number: int) -> None:
        self._pull, self._turn = pull, number
        self._random = random.Random(f"{pull.seed}/worker-{number}")
        self._pending: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Claim and finish until cancelled."""
        connections = [self._pull.connection(number) for number in range(len(self._pull.services))]
        try:
            while True:
                self._turn += 1
                await self._claim(connections[self._turn % len(connections)])
        finally:
            for connection in connections:
                connection.close()
            for task in self._pending:
                task.cancel()

    async def _claim(self, connection: Connection) -> None:
        observed, most = self._pull.observed, self._random.choice((1, 3, 10))
        path = f"/v1/subscriptions/{self._pull.name}/claim"
        body = {"max": most, "wait": WAIT, "lease": self._pull.lease}
        try:
            answer = await connection.ask("POST", path, body, timeout=WAIT + 30.0)
        except NoAnswer:
            await asyncio.sleep(PAUSE)
            return
        if answer.status == 503:
            await asyncio.sleep(PAUSE)
            return
        if answer.status != 200:
            observed.surprises.append(f"a claim was answered {answer.status}: {answer.body[:300]!r}")
            await asyncio.sleep(1.0)
            return
        found = answer.json()["claims"]
        if len(found) > most:
            observed.surprises.append(f"{len(found)} claims were given, and {most} asked for")
        for claim in [self._take(each) for each in found]:
            await self._finish(claim)

    def _take(self, found: dict[str, Any]) -> Claim:
        claim = Claim(
            order=self._pull.observed.next_order(),
            at=time.time(),
            id=found["claim_id"],
            conversation=found["conversation"],
            events=[event_of(each) for each in found["entries"]],
            lease_until=datetime.fromisoformat(found["lease_until"]).timestamp(),
            ends_at=time.time() + self._pull.lease,
        )
        self._pull.observed.claims.append(claim)
        return claim

    async def _finish(self, claim: Claim) -> None:
        first = claim.events[0].id
        if any(event.key in self._pull.unfinished for event in claim.events):
            self._pull.failures[first] += 1
            return
        way = "ack" if self._pull.calm else self._random.choices(list(WAYS), list(WAYS.values()))[0]
        if way in EXPIRE:
            self._pull.failures[first] += 1
            way = way if self._pull.failures[first] <= MERCY else "ack"
        self._pull.hits[way] += 1
        left, over = claim.lease_until - time.time(), claim.ends_at - time.time()
        match way:
            case "forget":
                return
            case "late":
                self._send_later(claim, over + self._random.uniform(*LATE))
            case "slow":
                self._send_later(claim, left - self._random.uniform(*SLOW))
            case "release":
                delay = self._random.choice((None, 0, 1, 2))
                await self._send(claim, "release", {} if delay is None else {"delay": delay})
            case "hang up":
                await self._send(claim, "ack", {}, timeout=self._random.uniform(0.0, 0.004))
            case _:
                await self._send(claim, "ack", {})

    def _send_later(self, claim: Claim, seconds: float) -> None:
        """Beside the next claims: a worker that slept would be given nothing meanwhile."""

        async def send() -> None:
            await asyncio.sleep(seconds)
            await self._send(claim, "ack", {})

        task = asyncio.create_task(send())
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _send(self, claim: Claim, finish: str, more: dict[str, Any], timeout: float = 30.0) -> None:
        """Ack or release it, through any instance that takes the request."""
        path = f"/v1/subscriptions/{self._pull.name}/{finish}"
        instance = self._random.randrange(len(self._pull.services))
        while True:
            connection = self._pull.connection(instance)
            try:
                await connection.open()
                claim.finish, claim.status = finish, None
                claim.finish_order, claim.finish_sent_at = self._pull.observed.next_order(), time.time()
                answer = await connection.ask("POST", path, {"claim_ids": [claim.id], **more}, timeout=timeout)
            except NoAnswer:
                if claim.finish:
                    return  # whether it was taken is not known
                instance += 1
                await asyncio.sleep(PAUSE)
                continue
            finally:
                connection.close()
            if answer.status != 503:
                self._answered(claim, answer)
                return
            claim.unsure = True
            instance += 1
            await asyncio.sleep(PAUSE)

    def _answered(self, claim: Claim, answer: Answer) -> None:
        claim.finish_answered_at, claim.status = time.time(), answer.status
        if answer.status == 409:
            claim.code = answer.json().get("code", "")
        if not (answer.status in {200, 204} or (answer.status == 409 and claim.code == "claim_expired")):
            self._pull.observed.surprises.append(f"{claim.finish} was answered {answer.status}: {answer.body[:300]!r}")


__all__ = ["WAYS", "Pull", "Worker"]
