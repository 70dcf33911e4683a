"""Signals waiting to go out: the newest of each, bounded, in batches, at a rate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, PresenceSignal, ReadSignal, RosterSignal, Signal, TypingSignal
from umbral_chat_realtime_supabase.live.outbox import BATCH, BATCH_BYTES, BroadcastOutbox

SENDER = Sender("assistant")


def draft(text: str, message_id: str = "m") -> DraftSignal:
    return DraftSignal(conversation="room", message_id=message_id, text=text, sender=SENDER)


def test_the_newest_of_a_thing_takes_the_place_of_the_one_before() -> None:
    outbox = BroadcastOutbox(10, 10, 0.0)
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
        outbox.put("s:0", signal)
    assert outbox.take(0.0) == [("s:0", newest)]
    assert len(outbox) == 0


def test_what_one_says_that_the_other_does_not_is_kept_beside_it() -> None:
    outbox = BroadcastOutbox(10, 10, 0.0)
    kept: list[Signal] = [
        PresenceSignal(conversation="room", version="a", count=1, left=["p"]),
        PresenceSignal(conversation="room", version="b", count=0, left=["q"]),
        RosterSignal(conversation="room", instance="i", number=1),
        RosterSignal(conversation="room", instance="j", number=1),
    ]
    for signal in kept:
        outbox.put("s:0", signal)
    assert outbox.take(0.0) == [("s:0", kept)]


def test_past_its_bound_the_oldest_go() -> None:
    outbox = BroadcastOutbox(3, 10, 0.0)
    for seq in range(10):
        outbox.put("s:0", ReadSignal(conversation="room", subject=f"u{seq}", seq=seq))
    ((_, signals),) = outbox.take(0.0)
    assert [signal.seq for signal in signals if isinstance(signal, ReadSignal)] == [7, 8, 9]


def test_a_batch_has_a_bound_in_number_and_in_bytes_and_a_long_one_goes_alone() -> None:
    outbox = BroadcastOutbox(1000, 100, 0.0)
    for number in range(BATCH + 1):
        outbox.put("s:0", ReadSignal(conversation="room", subject=f"u{number}", seq=1))
    assert [len(signals) for _, signals in outbox.take(0.0)] == [BATCH, 1]
    for number in range(3):
        outbox.put("s:0", draft("x" * (BATCH_BYTES // 2), message_id=f"m{number}"))
    outbox.put("s:0", draft("x" * (2 * BATCH_BYTES), message_id="long"))
    assert [len(signals) for _, signals in outbox.take(0.0)] == [1, 1, 1, 1]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 5), st.floats(0, 0.5)),
        min_size=1,
        max_size=200,
    ),
    st.floats(1, 20),
)
def test_no_more_go_out_than_the_rate_allows_and_the_last_word_comes_through(
    steps: list[tuple[int, int, float]], rate: float
) -> None:
    outbox = BroadcastOutbox(1000, rate, 0.0)
    now, sent = 0.0, 0
    last: dict[tuple[str, str], int] = {}
    got: dict[tuple[str, str], int] = {}

    def take() -> int:
        batches = outbox.take(now)
        for topic, signals in batches:
            for signal in signals:
                assert isinstance(signal, ReadSignal)
                got[topic, signal.subject] = signal.seq
        return len(batches)

    for number, (topic, subject, pause) in enumerate(steps):
        outbox.put(f"s:{topic}", ReadSignal(conversation="room", subject=f"u{subject}", seq=number))
        last[f"s:{topic}", f"u{subject}"] = number
        now += pause
        sent += take()
        assert sent <= max(1.0, rate) + now * rate + 1e-6
    while len(outbox):
        now += 1.0
        take()
    assert got == last
