"""Drafts under any interleaving of two instances, crashes, silence and lost signals: what was acknowledged, or a prefix
of it, is in the log at the end, once."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import hypothesis.strategies as st
from hypothesis import example, given, settings
from umbral_chat._core.conversations.draft_records import DRAFTS, INDEX, PARTS, decode
from umbral_chat.errors import Conflict, Unavailable
from umbral_chat.model.entries import Message
from umbral_chat.model.signals import DraftSignal
from umbral_chat.testing.clock import ManualClock

from .instances import Instance, MemoryLog, MemoryStore

SILENCE = 4.0
WHOLE = "".join(chr(ord("a") + number % 26) for number in range(20_000))

Step = tuple[Any, ...]

HERE = st.integers(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("piece"), HERE, st.sampled_from([0, 1, 7, 500, 3_000])),
        st.tuples(st.just("pieces"), st.integers(1, 40)),
        st.tuples(st.just("elapse"), st.sampled_from([0.05, 0.3, 1.1, 2.2, 4.1, 5.0])),
        st.tuples(st.just("crash"), HERE),
        st.tuples(st.just("signal"), HERE),
        st.tuples(st.just("outage"), st.sampled_from([0.3, 1.5, 5.0])),
        st.tuples(st.just("send"), HERE),
    ),
    min_size=1,
    max_size=14,
)


async def turns() -> None:
    for _ in range(80):
        await asyncio.sleep(0)


class Trial:
    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.clock = ManualClock(quiet=turns)
        self.store, self.log = MemoryStore(self.clock, self.draw), MemoryLog(self.draw)
        self.published: list[DraftSignal] = []
        self.instances = [self._instance(), self._instance()]
        self.offset = self.acknowledged = self.saved = 0
        self.sent = self.ended = False

    def _instance(self) -> Instance:
        return Instance(
            self.clock, self.store, self.log, publish=lambda _, signal: self.published.append(signal), silence=SILENCE
        ).start()

    async def step(self, step: Step) -> None:
        match step:
            case ("piece", int(here), int(size)):
                await self.piece(here, size)
            case ("pieces", int(number)):  # spread by a load balancer, while everything else goes on
                for _ in range(number):
                    await self.piece(self.draw.randrange(2), self.draw.randrange(60))
                    await self.clock.elapse(self.draw.random() / 10)
            case ("elapse", float(seconds)):
                await self.clock.elapse(seconds)
            case ("crash", int(here)):
                await self.instances[here].crash()
                self.instances[here] = self._instance()
            case ("signal", int(here)) if self.published:
                self.instances[here].drafts.learn(self.draw.choice(self.published))
            case ("outage", float(seconds)):
                self.store.down = self.log.down = True
                await self.clock.elapse(seconds)
                self.store.down = self.log.down = False
            case ("send", int(here)) if not self.sent:
                await self.instances[here].send(WHOLE)
                self.sent = True
            case _:
                pass
        self.note_saved()

    def note_saved(self) -> None:
        for record in self.store.all(DRAFTS).values():
            kept = decode(record.value)
            self.saved = max(self.saved, len(kept.parts) * 8_192 + len(kept.tail))

    async def piece(self, here: int, size: int) -> None:
        if self.ended:
            return
        end = min(self.offset + size, len(WHOLE))
        try:
            length = await self.instances[here].piece(self.offset, WHOLE[self.offset : end])
        except Conflict as error:
            if error.code not in {"draft_offset", "draft_ended"}:
                raise
            self.offset, self.ended = error.extra.get("expected", self.offset), error.code == "draft_ended"
        except Unavailable:
            pass
        else:
            assert length >= end, "more than was sent, if it was there before"
            self.offset, self.acknowledged = length, max(self.acknowledged, length)

    async def check(self) -> None:
        await self.clock.elapse(6 * SILENCE)
        for instance in self.instances:
            assert instance.text() is None, "nobody waits for it"
        assert [self.store.all(namespace) for namespace in (DRAFTS, PARTS, INDEX)] == [{}, {}, {}]
        own = [entry for entry in self.log.entries if isinstance(entry, Message)]
        if self.sent:
            assert len(own) == 1
            assert (self.log.messages()["m"].content, self.log.messages()["m"].finish) == (WHOLE, None)
        elif self.acknowledged and (self.saved or self.log.entries):
            (entry,) = self.log.entries
            assert isinstance(entry, Message)
            assert entry.finish == "interrupted"
            assert WHOLE.startswith(entry.content)
            assert self.saved <= len(entry.content) <= self.acknowledged, "at most what was not saved is lost"
        else:
            assert self.log.entries == []
        for instance in self.instances:
            await instance.crash()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**16), STEPS)
@example(1, [("piece", 0, 7), ("piece", 1, 7), ("piece", 0, 7), ("crash", 1), ("elapse", 5.0)])
# The store is away for longer than the silence: another instance finds a draft of which no text was saved.
@example(1153, [("elapse", 0.3), ("piece", 0, 0), ("piece", 0, 500), ("crash", 1), ("outage", 5.0)])
@example(2, [("piece", 0, 3_000), ("crash", 0), ("crash", 1), ("elapse", 4.1), ("send", 0)])
def test_an_answer_ends_once_with_all_that_was_saved(seed: int, steps: list[Step]) -> None:
    async def run() -> None:
        trial = Trial(seed)
        for step in steps:
            await trial.step(step)
        await trial.check()

    asyncio.run(run())
