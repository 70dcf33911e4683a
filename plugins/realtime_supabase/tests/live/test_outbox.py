"""Broadcasts of waiting signals: in batches, at a rate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, ReadSignal
from umbral_chat_realtime_supabase.live.outbox import BATCH, BATCH_BYTES, BroadcastOutbox

SENDER = Sender("assistant")


def draft(text: str, message_id: str = "m") -> DraftSignal:
    return DraftSignal(conversation="room", message_id=message_id, text=text, sender=SENDER)


def test_a_batch_has_a_bound_in_number_and_in_bytes_and_a_long_one_goes_alone() -> None:
    outbox = BroadcastOutbox(1000, 100, 0.0)
    for number in range(BATCH + 1):
        outbox.put(ReadSignal(conversation="room", subject=f"u{number}", seq=1), "s:0")
    assert [len(signals) for _, signals in outbox.take(0.0)] == [BATCH, 1]
    for number in range(3):
        outbox.put(draft("x" * (BATCH_BYTES // 2), message_id=f"m{number}"), "s:0")
    outbox.put(draft("x" * (2 * BATCH_BYTES), message_id="long"), "s:0")
    assert [len(signals) for _, signals in outbox.take(0.0)] == [1, 1, 1, 1]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 5), st.floats(0, 0.5)),
        min_size=1,
        max_size=200,
    ),
    st.floats(1, 20),
)
def test_no_more_go_out_than_the_rate_allows_and_the_newest_signal_is_sent(
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
        outbox.put(ReadSignal(conversation="room", subject=f"u{subject}", seq=number), f"s:{topic}")
        last[f"s:{topic}", f"u{subject}"] = number
        now += pause
        sent += take()
        assert sent <= max(1.0, rate) + now * rate + 1e-6
    while len(outbox):
        now += 1.0
        take()
    assert got == last
