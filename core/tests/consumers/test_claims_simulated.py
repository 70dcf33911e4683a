"""Claims in a simulation: whatever workers do, nothing is lost, and no two hold the same."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import given, settings
from umbral_chat.errors import ClaimExpired
from umbral_chat.providers.consumers import Claim, Claims

from ..feed.virtual import LoopClock, run  # noqa: TID252 - tests are no package
from .world import Worker, seqs, small, upto


@dataclass
class Model:
    """What must be true of claims, whoever makes them."""

    drawn: random.Random
    acked: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    dead: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    open: dict[str, Claim] = field(default_factory=dict)

    def given(self, claim: Claim) -> None:
        now = LoopClock().now()
        for other in self.open.values():
            assert other.conversation != claim.conversation or other.lease_until <= now, "two holders"
        handled = self.acked[claim.conversation]
        after = max(handled) if handled else 0
        # What lies between what was acknowledged and what is given may only be dead letters.
        skipped = set(range(after + 1, seqs(claim)[0]))
        self.dead[claim.conversation] += sorted(skipped - set(self.dead[claim.conversation]))
        assert seqs(claim) == list(range(seqs(claim)[0], seqs(claim)[-1] + 1))
        self.open[claim.id] = claim

    def late(self, claim: Claim) -> bool:
        """Whether it has certainly expired."""
        return claim.lease_until + timedelta(seconds=0.1) < LoopClock().now()

    async def end(self, claim: Claim, queue: Claims) -> None:
        """End it somehow, or not."""
        late, action = self.late(claim), self.drawn.choice("aaaarrf-")
        del self.open[claim.id]
        try:
            if action == "a":
                await queue.ack([claim.id])
                self.took(claim)
            elif action == "r":
                await queue.release([claim.id], delay=self.drawn.choice([0, 3]))
            elif action == "f":
                await queue.release([claim.id], failed="no")
            assert action == "-" or not late
        except ClaimExpired:
            pass

    async def take_all(self, claims: Claims, others: Claims) -> None:
        """Claim at one instance what is left, and acknowledge it at another."""
        while given := await claims.claim(maximum=10, wait=320):
            for claim in given:
                self.given(claim)
                await others.ack([claim.id])
                del self.open[claim.id]
                self.took(claim)

    def took(self, claim: Claim) -> None:
        self.acked[claim.conversation] += seqs(claim)

    def check(self, name: str, written: int, given_up: list[int]) -> None:
        """Whether everything of a conversation was handled."""
        acked = self.acked[name]
        assert acked == sorted(set(acked)), "in order, and each acknowledged once"
        assert sorted(acked + given_up) == upto(written), "nothing is lost"


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_workers_do_nothing_is_lost_and_no_two_hold_the_same(seed: int) -> None:
    drawn = random.Random(seed)
    model = Model(drawn)
    names = [f"room-{number}" for number in range(5)]

    async def worker(both: list[Claims]) -> None:
        for _ in range(20):
            given = await drawn.choice(both).claim(
                maximum=drawn.randint(1, 3),
                entries=drawn.choice([1, 3, 100]),
                lease=drawn.choice([1.0, 5.0, 20.0]),
                wait=2,
            )
            for claim in given:
                model.given(claim)
            await asyncio.sleep(drawn.choice([0.0, 0.0, 0.5, 1.5, 6.0]))
            for claim in given:
                await model.end(claim, drawn.choice(both))

    async def main() -> None:
        world = small(tries=6)
        async with world.started() as here, world.started() as there:
            both: list[Claims] = [await one.consumers.claims(Worker()) for one in (here, there)]

            async def writer() -> None:
                for _ in range(60):
                    world.append(drawn.choice(names), bus=drawn.choice([here.bus, there.bus, None]))
                    await asyncio.sleep(drawn.choice([0.0, 0.1, 1.0]))

            await asyncio.gather(*(worker(both) for _ in range(3)), writer())
            model.open.clear()
            await asyncio.sleep(30)
            await model.take_all(*both)
            dead = await here.consumers.dead_letters("worker")
        for name in names:
            written = len(world.history.log(name).entries)
            model.check(name, written, [letter.seq for letter in dead if letter.conversation == name])

    run(main())
