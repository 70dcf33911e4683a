"""A client that applies what it is given to a stale copy ends equal to a fresh read (Zulip's `verify_action`), on
whichever instance it comes back, whatever was written meanwhile, in every mode, and however the mode changed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any, cast

import hypothesis.strategies as st
from hypothesis import given, settings
from umbral_chat.errors import ConversationDeleted, CursorExpired, HistoryUnavailable
from umbral_chat.model.entries import Entry
from umbral_chat.model.fold import apply

from core.tests.feed.rig import Client
from core.tests.feed.virtual import run
from tests.modes.world import ROOM, Instance, World, world

WRITES = ["say", "say", "burst", "edit", "redact", "update"]
CHANGES = [
    "delete",
    "revive",
    "off",
    "on",
    "break",
    "mend",
    "lie",
    "tell the truth",
    "cut",
    "connect",
    "connect",
    "join",
    "pause",
    "silence",
]

steps = st.lists(st.tuples(st.sampled_from(WRITES * 2 + CHANGES), st.integers(0, 2**16)), min_size=1, max_size=50)

BOUND = 5.0 + 0.5
"""Seconds within which an entry is known everywhere while the store answers: `reconcile_interval`, the longest pause
between two ticks, and a round trip in this world."""

OUTLAST = 60.0 + 15.0
"""Seconds after which an instance has let go of what nobody asked it for."""


class Simulation:
    """Clients and what happens to them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.clients: list[Client] = []
        self.following: list[asyncio.Task[None]] = []

    def join(self) -> None:
        rig = cast("Any", self.random.choice(self.world.instances))
        client = Client(rig, limit=self.random.choice([1, 3, 100]), waits=self.random.random() < 0.5)
        self.clients.append(client)
        self.following.append(asyncio.create_task(self._follow(client), name="client"))

    async def _follow(self, client: Client) -> None:
        """Read for a while, go away with the copy and the cursor, come back anywhere."""
        while True:
            for _ in range(self.random.randrange(1, 6)):
                await self.visit(client)
                await asyncio.sleep(client.pause)
            await asyncio.sleep(self.random.choice([0.0, 1.0, 7.0, OUTLAST]))
            client.rig = cast("Any", self.random.choice(self.world.instances))

    async def visit(self, client: Client) -> None:
        """One poll or long poll, and what a client does about each answer. None sends it away without a reason."""
        before = self.world.now
        try:
            if not await client.read_all() and client.waits:
                async with client.rig.feeds.reading(ROOM) as reader:
                    await reader.wait(client.cursor, None, 20.0)
                before = self.world.now
                await client.read_all()
        except CursorExpired:
            assert client.cursor.epoch != before[0] or before != self.world.now, "it was not expired"
            client.start_over()
        except ConversationDeleted:
            assert before[0] is None or before != self.world.now, "it was not deleted"
            client.start_over()
            client.gone = True
        except HistoryUnavailable:
            client.failures += 1

    async def step(self, what: str, which: int) -> None:
        world, there = self.world, self.world.instances[which % 2]
        match what:
            case "off" | "on":
                with suppress(HistoryUnavailable):
                    await there.services.toggle.set(enabled=what == "on", by="somebody")
            case "break" | "mend":
                world.hub.up = what == "mend"
            case "lie" | "say nothing" | "tell the truth":
                world.hub.faulty, world.hub.deaf = what == "lie", what == "say nothing"
            case "cut" | "connect":
                there.reach(store=what == "connect")
            case "join":
                self.join()
            case "pause":
                await asyncio.sleep(which % 30 / 10)
            case "silence":
                await asyncio.sleep(which % 100)
            case _:
                self.change(there, what, which)
        world.modes |= {one.services.failover.mode for one in world.instances}

    def change(self, there: Instance, what: str, which: int) -> None:
        """Something is written there."""
        if there.cut:
            return
        known = self.world.history.logs
        if known.get(ROOM, 1) is None:
            if what == "revive" and which % 2:
                self.world.history.log(ROOM)  # made anew, and nothing is told of it
            elif what == "revive":
                self.world.wrote(there, log := self.world.history.log(ROOM), log.update("anew"))
            return
        if what == "delete" and ROOM in known and which % 2:
            self.world.delete(there)
        elif what in WRITES:
            for _ in range(which % 12 if what == "burst" else 1):
                self.world.wrote(there, log := self.world.history.log(ROOM), self._entry(log, what, which))

    def _entry(self, log: Any, what: str, which: int) -> Entry:
        messages = log.messages
        message = messages[which % len(messages)] if messages else None
        entry: Entry
        if what == "edit" and message:
            entry = log.edit(message)
        elif what == "redact" and message:
            entry = log.redact(message)
        else:
            entry = log.update(f"title {which}") if what == "update" else log.say()
        return entry

    async def finish(self) -> None:
        """The store is reached again; all else stays as broken as it is. More is written, and the bound passes."""
        for one in self.world.instances:
            one.reach(store=True)
        if self.random.random() < 0.5:
            # At its worst: it says that it is live, and brings nothing.
            self.world.hub.up = self.world.hub.deaf = True
            await self.world.instances[0].services.toggle.set(enabled=True, by="somebody")
        await asyncio.sleep(20.0)
        for number, one in enumerate(self.world.instances):
            self.change(one, "burst", 3 + number)
        await asyncio.sleep(BOUND)
        for task in self.following:
            assert not task.done(), f"a client's loop ended: {task}"
            task.cancel()
        await asyncio.gather(*self.following, return_exceptions=True)
        for client in self.clients:
            client.waits = False
            client.rig = cast("Any", self.random.choice(self.world.instances))
            for _ in range(2):  # the first may say that it must start over
                await self.visit(client)

    def check(self) -> None:
        """Every copy is the log, folded."""
        log = self.world.history.logs.get(ROOM)
        fresh = {} if log is None else apply({}, log.entries)
        for client in self.clients:
            assert client.gone == (ROOM in self.world.history.logs and log is None)
            assert client.seqs == list(range(1, len(log.entries) + 1 if log else 1))
            assert client.copy == fresh
            assert log is None or client.cursor.epoch == log.epoch


async def simulate(script: list[tuple[str, int]], seed: int) -> set[str]:
    """The modes that there were."""
    rng = random.Random(seed)
    async with world(rng, CORE__CACHE__ENTRIES=str(rng.choice([1, 5, 200]))) as made:
        simulation = Simulation(made)
        for _ in range(4):
            simulation.join()
        await asyncio.sleep(rng.choice([0.0, 1.0]))
        for what, which in script:
            await simulation.step(what, which)
            await asyncio.sleep(rng.choice([0.0, 0.0, 0.1, 2.0]))
        await simulation.finish()
        simulation.check()
        return made.modes


@settings(max_examples=100, deadline=None)
@given(script=steps, seed=st.integers(0, 2**32))
def test_a_stale_copy_ends_equal_to_a_fresh_read(script: list[tuple[str, int]], seed: int) -> None:
    run(simulate(script, seed))


def test_a_long_run_sees_every_mode() -> None:
    rng = random.Random(5)
    script = [(rng.choice(WRITES * 2 + CHANGES), rng.randrange(2**16)) for _ in range(600)]
    assert run(simulate(script, 5)) == {"live", "polling"}
