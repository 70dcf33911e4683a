"""Whatever people do, wherever instances die: reported once, never who has read or is there, and nobody is missed."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given, settings
from umbral_chat.model.entries import Entry, Message

from core.tests.consumers.store import CutStore
from core.tests.feed.virtual import LoopClock, run

from .world import SOON, Rooms, visitor

ROOMS = ["a", "b", "c"]
PEOPLE = ["ada", "bob"]

AFTER = 60.0

NOTICE = timedelta(seconds=0.1)
"""What happened so shortly before a report may have been too late for it."""


@dataclass
class Person:
    """What one reader did in one conversation, as times."""

    read: list[tuple[datetime, int]] = field(default_factory=list)
    """The highest seq that they have read, by a marker or because they wrote after it."""
    came: list[datetime] = field(default_factory=list)
    left: list[datetime] = field(default_factory=list)

    def has_read(self, seq: int, at: datetime) -> bool:
        return any(when <= at and upto >= seq for when, upto in self.read)

    def has_seen(self, answer: Entry, at: datetime) -> bool:
        return self.has_read(answer.seq, at) or self.seen_since(answer.at, at)

    def seen_since(self, since: datetime, at: datetime) -> bool:
        """Whether they were there at any moment in between."""
        came = [one for one in self.came if one <= at]
        left = [one for one in self.left if one <= at]
        return len(came) > len(left) or any(one >= since for one in left)


class Lives:
    """People who write, read, come and go."""

    def __init__(self, drawn: random.Random) -> None:
        self.drawn = drawn
        self.rooms = Rooms(after=AFTER)
        self.people: dict[tuple[str, str], Person] = defaultdict(Person)
        for name in ROOMS:
            self.rooms.history.log(name)
            self.rooms.join(*PEOPLE, conversation=name)

    def act(self) -> None:
        """One of them does something."""
        room, who, now = self.drawn.choice(ROOMS), self.drawn.choice(PEOPLE), LoopClock().now()
        person, head = self.people[room, who], len(self.rooms.history.log(room).entries)
        match self.drawn.choice(["answer", "answer", "answer", "write", "read", "read", "come", "leave"]):
            case "answer":
                self.rooms.write(conversation=room)
            case "write":
                self.rooms.write(visitor(who), room)
                person.read.append((now, head))
            case "read":
                seq = self.drawn.randint(0, head)
                self.rooms.read(who, seq, room)
                person.read.append((now, seq))
            case "come" if len(person.came) == len(person.left):
                self.rooms.come(who, room)
                person.came.append(now)
            case "leave" if len(person.came) > len(person.left):
                self.rooms.leave(who, room)
                person.left.append(now)

    async def for_a_while(self, actions: int) -> None:
        for _ in range(actions):
            self.act()
            await asyncio.sleep(self.drawn.choice([0.01, 0.1, 2.0, 12.0, 40.0, 90.0]))

    def judge(self, *, once: bool) -> None:
        """Whether every report was right, and nobody is missing. `once`: none was delivered twice."""
        reported: dict[tuple[str, str], list[int]] = defaultdict(list)
        ids: dict[tuple[str, str, int], str] = {}
        for event, at in self.rooms.reported:
            assert isinstance(event.entry, Message)
            who = event.reader.subject  # type: ignore[union-attr]
            person, seq, room = self.people[event.conversation, who], event.entry.seq, event.conversation
            assert at - event.entry.at >= timedelta(seconds=AFTER), "early"
            assert not person.has_seen(event.entry, at - NOTICE), "it was read, or they were there"
            before, log = reported[room, who], self.rooms.history.log(room).entries
            if seq in before:
                assert not once, "twice"
                assert ids[room, who, seq] == event.id
            else:
                assert all(person.has_seen(log[one - 1], at) for one in before), "it was not armed"
                before.append(seq)
            ids[room, who, seq] = event.id
        now = LoopClock().now()
        for room in ROOMS:
            log = self.rooms.history.log(room).entries
            answers = [one for one in log if one.sender.role == "assistant"]
            for who in PEOPLE if answers else []:
                person, newest, seqs = self.people[room, who], answers[-1], reported[room, who]
                if person.has_seen(newest, now):
                    continue
                # It is looked at once, when it is due.
                due = newest.at + timedelta(seconds=AFTER)
                armed = all(person.has_seen(log[one - 1], due) for one in seqs)
                assert newest.seq in seqs or not armed, f"{who} was not reported in {room}"


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_once_and_only_whom_it_concerns_by_two_instances(seed: int) -> None:
    async def main() -> None:
        lives = Lives(random.Random(seed))
        async with lives.rooms.reporting(), lives.rooms.reporting():
            await lives.for_a_while(25)
            await asyncio.sleep(AFTER + SOON)
        lives.judge(once=True)

    run(main())


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_wherever_an_instance_dies_another_reports_it(seed: int) -> None:
    async def main() -> None:
        drawn = random.Random(seed)
        lives = Lives(drawn)

        async def instances() -> None:
            while not ended.is_set():
                cut = CutStore(lives.rooms.store, drawn.randint(5, 150), done=drawn.random() < 0.5)
                async with lives.rooms.reporting(cut.store):
                    while not cut.cut and not ended.is_set():  # noqa: ASYNC110 - time is virtual
                        await asyncio.sleep(0.5)

        ended = asyncio.Event()
        running = [asyncio.create_task(instances()) for _ in range(2)]
        await lives.for_a_while(25)
        ended.set()
        await asyncio.gather(*running)
        async with lives.rooms.reporting():
            await asyncio.sleep(60 + AFTER + SOON)
        lives.judge(once=False)

    run(main())
