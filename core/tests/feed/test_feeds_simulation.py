"""Many clients on one instance, each ends equal to a fresh read (Zulip's `verify_action`): whatever is written,
edited, redacted, deleted and made anew, whichever hints are late, lost or repeated, and whenever the history fails."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.conversations import Deleted
from umbral_chat.model.entries import Entry
from umbral_chat.model.fold import apply
from umbral_chat.settings import Cache

from .rig import DOWN, Client, Rig, service
from .virtual import run

WRITES = ["say", "say", "say", "edit", "redact", "update"]
FAULTS = ["delete", "revive", "outage", "mend", "pause", "long pause", "join", "leave", "burst"]

steps = st.lists(st.tuples(st.sampled_from(WRITES + WRITES + FAULTS), st.integers(0, 2**16)), min_size=1, max_size=60)


class Simulation:
    def __init__(self, rig: Rig, rng: random.Random) -> None:
        self.rig = rig
        self.random = rng
        self.clients: list[Client] = []
        self.following: list[asyncio.Task[None]] = []
        self.hints: set[asyncio.Task[None]] = set()
        rig.history.delay = lambda: rng.choice([0.0, 0.0, 0.001, 0.02])

    def join(self) -> None:
        if len(self.clients) < 12:
            client = Client(self.rig, limit=self.random.choice([1, 3, 100]), waits=self.random.random() < 0.7)
            self.clients.append(client)
            self.following.append(asyncio.create_task(client.follow(), name="client"))

    async def leave(self) -> None:
        # In the middle of whatever it does; what it shares with others goes on for them.
        if len(self.clients) > 3:
            index = self.random.randrange(len(self.clients))
            self.clients.pop(index)
            await _end(self.following.pop(index))

    def write(self, how: str, which: int) -> None:
        if "room" in self.rig.history.logs and self.rig.history.logs["room"] is None:
            return
        log = self.rig.log
        messages = log.messages
        entry: Entry
        if how == "edit" and messages:
            entry = log.edit(messages[which % len(messages)])
        elif how == "redact" and messages:
            entry = log.redact(messages[which % len(messages)])
        elif how == "update":
            entry = log.update(f"title {which}")
        else:
            entry = log.say()
        self.tell(lambda: self.rig.feeds.hint_entries("room", log.epoch, [EncodedEntry.of(entry)]))

    def delete(self) -> None:
        if self.rig.history.logs.get("room") is not None:
            self.rig.history.logs["room"] = None
            self.tell(lambda: self.rig.feeds.hint_head("room", Deleted()))

    def revive(self) -> None:
        if "room" in self.rig.history.logs and self.rig.history.logs["room"] is None:
            head = self.rig.log.head
            self.tell(lambda: self.rig.feeds.hint_head("room", head))

    def tell(self, hint: Any) -> None:
        """At once, late, not at all, or several times."""
        for delay in self.random.choice([(0.0,), (0.0,), (0.0,), (0.01,), (0.7,), (), (0.0, 0.3), (2.0, 2.1)]):
            if delay:
                task = asyncio.create_task(_later(delay, hint), name="late hint")
                self.hints.add(task)
                task.add_done_callback(self.hints.discard)
            else:
                hint()

    async def step(self, what: str, which: int) -> None:
        if what in WRITES:
            self.write(what, which)
        elif what in {"pause", "long pause"}:
            await asyncio.sleep(which % 30 / 1000 if what == "pause" else which % 9)
        elif what in {"outage", "mend"}:
            self.rig.history.failure = DOWN if what == "outage" else None
        elif what == "burst":
            for _ in range(which % 12):
                self.write("say", which)
        elif what == "leave":
            await self.leave()
        elif what == "join":
            self.join()
        elif what == "revive":
            self.revive()
        elif which % 3 == 0:
            self.delete()

    async def finish(self) -> None:
        """Faults end, and one reconciliation tells where the log stands."""
        self.rig.history.failure = None
        await asyncio.gather(*self.hints)
        if "room" in self.rig.history.logs:
            self.rig.hint_head()
        await asyncio.sleep(20)
        for task in self.following:
            assert not task.done(), "a client's loop ended"
            await _end(task)

    def check(self) -> None:
        log = self.rig.history.logs.get("room")
        fresh = {} if log is None else apply({}, log.entries)
        for client in self.clients:
            if "room" in self.rig.history.logs and log is None:
                assert client.gone
            elif log is not None:
                assert client.cursor.epoch == log.epoch or not log.entries
                assert client.seqs == list(range(1, len(log.entries) + 1))
                assert client.copy == fresh


async def _later(delay: float, hint: Any) -> None:
    await asyncio.sleep(delay)
    hint()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and task.exception() is not None:
        raise AssertionError("a client failed") from task.exception()


async def simulate(script: list[tuple[str, int]], seed: int) -> None:
    rng = random.Random(seed)
    cache = Cache(entries=rng.choice([1, 5, 200]))
    async with service(cache=cache) as rig:
        simulation = Simulation(rig, rng)
        for _ in range(4):
            simulation.join()
        for what, which in script:
            await simulation.step(what, which)
        await simulation.finish()
        simulation.check()
        busy = max(client.reads for client in simulation.clients)
        assert busy < 3000, "somebody reads in a circle"


@settings(max_examples=300, deadline=None)
@given(script=steps, seed=st.integers(0, 2**32))
def test_every_client_ends_equal_to_a_fresh_read(script: list[tuple[str, int]], seed: int) -> None:
    run(simulate(script, seed))
