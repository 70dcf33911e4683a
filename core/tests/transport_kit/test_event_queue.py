"""The mailbox: bounded however slow its reader is, and the newest head is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import Message, Redaction, Sender
from umbral_chat.model.signals import ReadSignal
from umbral_chat.providers.store import Record
from umbral_chat.providers.transport import (
    EntryHint,
    HeadHint,
    SignalHint,
    StateChanged,
    ToggleHint,
    TransportEvent,
    TransportState,
)
from umbral_chat.testing.rig import most_events
from umbral_chat.transport_kit import EventQueue

LIMIT = 3

events = st.one_of(
    st.builds(HeadHint, st.sampled_from("abcd"), st.builds(Head, st.just("e" * 10), st.integers(1, 9))),
    st.integers(0, 999).map(lambda seq: SignalHint(ReadSignal(conversation="a", subject="s", seq=seq))),
    st.integers(1, 9).map(lambda version: ToggleHint(Record(b"", version))),
    st.sampled_from(["live", "down"]).map(
        lambda state: StateChanged(TransportState(state, "", datetime(2026, 1, 1, tzinfo=UTC)))  # type: ignore[arg-type]
    ),
)


async def drained(mailbox: EventQueue) -> list[object]:
    return [await anext(mailbox) for _ in range(len(mailbox))]


def highest(events: Sequence[object]) -> dict[str, Head]:
    """The highest head of each conversation."""
    found: dict[str, Head] = {}
    for event in events:
        if isinstance(event, HeadHint) and isinstance(event.head, Head):
            known = found.get(event.conversation)
            if known is None or event.head.seq > known.seq:
                found[event.conversation] = event.head
    return found


@given(st.lists(events, max_size=40))
def test_unread_it_keeps_the_newest_of_everything_and_no_more(put: list[TransportEvent]) -> None:
    mailbox = EventQueue(LIMIT)
    for event in put:
        mailbox.put(event)
    got = asyncio.run(drained(mailbox))
    heads = highest(put)
    assert {event.conversation: event.head for event in got if isinstance(event, HeadHint)} == heads
    signals = [event for event in put if isinstance(event, SignalHint)]
    assert [event for event in got if isinstance(event, SignalHint)] == signals[-LIMIT:]
    for kind in (ToggleHint, StateChanged):
        assert [event for event in got if isinstance(event, kind)] == [e for e in put if isinstance(e, kind)][-1:]
    assert len(got) <= len(heads) + LIMIT + 2


async def read_between(steps: list[TransportEvent | None]) -> list[object]:
    """Put what there is, read one at each None where one waits, and the rest at the end."""
    mailbox = EventQueue(LIMIT)
    got: list[object] = []
    for step in steps:
        if step is not None:
            mailbox.put(step)
        elif len(mailbox):
            got.append(await anext(mailbox))
    return got + await drained(mailbox)


@given(st.lists(st.one_of(events, st.none()), max_size=60))
def test_read_in_between_the_last_of_everything_comes_last(steps: list[TransportEvent | None]) -> None:
    got = asyncio.run(read_between(steps))
    assert highest(got) == highest(steps)
    heard = iter([event for event in steps if isinstance(event, SignalHint)])
    assert all(event in heard for event in got if isinstance(event, SignalHint)), "out of order, twice or made up"


def test_at_its_fullest_it_holds_what_the_contract_allows_and_no_less_is_allowed() -> None:
    limit, conversations = 32, [f"room-{number}" for number in range(8)]
    mailbox = EventQueue(limit)
    for seq in range(1, 3 * limit):
        for conversation in conversations:
            mailbox.put(EntryHint(conversation, "e" * 10, entry(seq)))
            mailbox.put(HeadHint(conversation, Head("e" * 10, seq)))
            mailbox.put(HeadHint(conversation, Deleted()))
        mailbox.put(SignalHint(ReadSignal(conversation="room-0", subject="s", seq=seq)))
        mailbox.put(StateChanged(TransportState("live", f"{seq}", datetime(2026, 1, 1, tzinfo=UTC))))
        mailbox.put(ToggleHint(Record(b"", seq)))
    assert len(mailbox) == most_events(limit, len(conversations))


contradicting = st.lists(
    st.sampled_from([None, Deleted(), *(Head(epoch * 10, seq) for epoch in "ab" for seq in (1, 2, 3))]), max_size=12
)
"""Heads and deletions in any order, as pushes and reads of a store bring them; None: the reader takes one."""


@given(contradicting, st.sampled_from([Deleted(), Head("a" * 10, 2), Head("b" * 10, 2)]))
def test_no_change_is_lost_to_a_head_of_an_earlier_moment(
    steps: list[Head | Deleted | None], known: Head | Deleted
) -> None:
    """A reader that knows `known` gets at least one head that differs from it, if any that differs was put."""
    put = [step for step in steps if step is not None]
    got = asyncio.run(read_between([None if step is None else HeadHint("a", step) for step in steps]))

    def news(head: object) -> bool:
        if isinstance(head, Head) and isinstance(known, Head) and head.epoch == known.epoch:
            return head.seq > known.seq
        return head != known

    heads = [event.head for event in got if isinstance(event, HeadHint)]
    assert any(map(news, heads)) == any(map(news, put))
    assert len(asyncio.run(read_between([HeadHint("a", head) for head in put]))) <= 2


async def test_closing_ends_a_reader_who_waits() -> None:
    mailbox = EventQueue(LIMIT)

    async def read() -> list[object]:
        return [event async for event in mailbox]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    mailbox.close()
    assert await asyncio.wait_for(reading, 30) == []


async def test_closed_it_takes_nothing_more() -> None:
    mailbox = EventQueue(LIMIT)
    mailbox.close()
    mailbox.put(ToggleHint(None))
    assert len(mailbox) == 0


async def test_the_head_of_what_nobody_follows_any_more_is_dropped() -> None:
    mailbox = EventQueue(LIMIT)
    mailbox.put(HeadHint("a", Head("e" * 10, 1)))
    mailbox.drop_head("a")
    mailbox.drop_head("b")
    assert len(mailbox) == 0


entry_events = st.builds(
    lambda conversation, seq, kind: EntryHint(conversation, "e" * 10, entry(seq, redaction=kind)),
    st.sampled_from("ab"),
    st.integers(1, 30),
    st.booleans(),
)
"""Hints of entries in any order."""


def entry(seq: int, *, redaction: bool = False) -> Message | Redaction:
    at, sender = datetime(2026, 1, 1, tzinfo=UTC), Sender("user")
    if redaction:
        return Redaction(seq=seq, at=at, sender=sender, message_id="m")
    return Message(seq=seq, at=at, sender=sender, message_id=f"m{seq}", content="x")


@given(st.lists(st.one_of(events, entry_events, st.none()), max_size=60))
def test_entries_past_the_limit_leave_how_far_the_log_got(steps: list[TransportEvent | None]) -> None:
    mailbox = EventQueue(LIMIT)
    put: list[TransportEvent] = []
    got: list[object] = []

    async def run() -> None:
        for step in steps:
            if step is not None:
                mailbox.put(step)
                put.append(step)
                assert len(mailbox) <= 2 * LIMIT + 6 + 2, (
                    "entries, signals, a head for each conversation, toggle, state"
                )
            elif len(mailbox):
                got.append(await anext(mailbox))
        got.extend(await drained(mailbox))

    asyncio.run(run())
    for conversation in "ab":
        entries = [event for event in put if isinstance(event, EntryHint) and event.conversation == conversation]
        told = [event.entry.seq for event in got if isinstance(event, EntryHint) and event.conversation == conversation]
        heads = [event.head for event in got if isinstance(event, HeadHint) and event.conversation == conversation]
        in_order = iter(event.entry.seq for event in entries)
        assert all(seq in in_order for seq in told), "out of order, twice or made up"
        reached = max([*told, *(head.seq for head in heads if isinstance(head, Head))], default=0)
        assert reached >= max((event.entry.seq for event in entries), default=0)
        blanked = {event.entry.seq for event in entries if isinstance(event.entry, Redaction)}
        known = [*(head.redaction for head in heads if isinstance(head, Head)), *told]
        assert max(known, default=0) >= max(blanked, default=0)
