"""Signals on their way out: the newest of each, bounded, in order."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, PresenceSignal, ReadSignal, RosterSignal, Signal, TypingSignal
from umbral_chat.transport_kit.signal_outbox import SignalOutbox

SENDER = Sender("assistant")


def draft(text: str, message_id: str = "m") -> DraftSignal:
    return DraftSignal(conversation="room", message_id=message_id, text=text, sender=SENDER)


def taken(outbox: SignalOutbox) -> list[Signal]:
    return [outbox.pop()[1] for _ in range(len(outbox))]


def test_a_newer_signal_of_the_same_identity_replaces_the_one_before() -> None:
    outbox = SignalOutbox(10)
    newest: list[Signal] = [
        draft("The answer"),
        ReadSignal(conversation="room", subject="u", seq=9),
        TypingSignal(conversation="room", person="p", role="user", typing=False),
        RosterSignal(conversation="room", instance="i", number=2),
        draft("x", message_id="another"),
    ]
    older: list[Signal] = [
        draft("The"),
        ReadSignal(conversation="room", subject="u", seq=1),
        TypingSignal(conversation="room", person="p", role="user", typing=True),
        RosterSignal(conversation="room", instance="i", number=1),
    ]
    for signal in older + newest:
        outbox.put(signal)
    assert taken(outbox) == newest
    assert len(outbox) == 0


def test_signals_that_say_different_things_are_kept_beside_each_other() -> None:
    outbox = SignalOutbox(10)
    kept: list[Signal] = [
        PresenceSignal(conversation="room", version="a", count=1, left=["p"]),
        PresenceSignal(conversation="room", version="b", count=0, left=["q"]),
        RosterSignal(conversation="room", instance="i", number=1),
        RosterSignal(conversation="room", instance="j", number=1),
    ]
    for signal in kept:
        outbox.put(signal)
    assert taken(outbox) == kept


def test_past_its_limit_the_oldest_are_dropped() -> None:
    outbox = SignalOutbox(3)
    for seq in range(10):
        outbox.put(ReadSignal(conversation="room", subject=f"u{seq}", seq=seq))
    assert [signal.seq for signal in taken(outbox) if isinstance(signal, ReadSignal)] == [7, 8, 9]


def test_a_batch_has_one_topic_and_a_limit_in_number_and_bytes_and_a_long_signal_is_alone() -> None:
    outbox = SignalOutbox(1000)
    for number in range(3):
        outbox.put(ReadSignal(conversation="room", subject=f"u{number}", seq=1), "one")
        outbox.put(draft("x" * 60, message_id=f"m{number}"), "two")
    outbox.put(draft("x" * 1000, message_id="long"), "two")
    batches = []
    while len(outbox):
        topic, signals = outbox.pop_batch(2, 400)
        batches.append((topic, len(signals)))
    assert batches == [("one", 2), ("two", 2), ("one", 1), ("two", 1), ("two", 1)]
    with pytest.raises(KeyError):
        outbox.pop_batch(2, 400)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=100), st.integers(1, 20))
def test_the_newest_of_each_comes_out_in_order_of_its_time(steps: list[tuple[int, int]], limit: int) -> None:
    outbox = SignalOutbox(limit)
    newest: dict[tuple[int, int], int] = {}
    for number, (topic, subject) in enumerate(steps):
        outbox.put(ReadSignal(conversation="room", subject=f"u{subject}", seq=number), f"t{topic}")
        newest[topic, subject] = number
    found = [signal.seq for signal in taken(outbox) if isinstance(signal, ReadSignal)]
    assert found == sorted(newest.values())[-limit:]


def test_its_reader_resumes_when_there_is_a_signal() -> None:
    async def main() -> None:
        outbox = SignalOutbox()
        waiting = asyncio.create_task(outbox.filled())
        await asyncio.sleep(0)
        outbox.put(draft("The"))
        outbox.clear()
        await asyncio.sleep(0)
        assert not waiting.done()  # it was dropped before the reader ran
        outbox.put(draft("The answer"))
        await asyncio.wait_for(waiting, 5)

    asyncio.run(main())
