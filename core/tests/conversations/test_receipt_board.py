"""What an instance knows of receipts: markers only rise, signals are rolled up, and all of it is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.conversations.receipt_board import INTERVAL, READERS_SHOWN, ReceiptBoard
from umbral_chat.model.receipts import Receipt
from umbral_chat.model.signals import ReadSignal, signal_decoder, signal_encoder
from umbral_chat.testing.clock import ManualClock


class Board:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.changed: list[str] = []
        self.published: list[ReadSignal] = []
        self.board = ReceiptBoard(self.clock, changed=self.changed.append, publish=self.published.append)

    def shown(self, conversation: str = "room") -> dict[str, int]:
        return {receipt.subject: receipt.seq for receipt in self.board.of(conversation)}

    async def pass_by(self, seconds: float) -> None:
        await self.clock.elapse(seconds)
        self.board.sweep()


def read(seq: int, subject: str = "ada", conversation: str = "room") -> ReadSignal:
    return ReadSignal(conversation=conversation, subject=subject, seq=seq)


def test_a_signal_reads_back_as_what_it_was_also_one_of_an_older_version() -> None:
    signal = ReadSignal(conversation="room", subject="grace", seq=7, role="agent", name="Grace")
    assert signal_decoder.decode(signal_encoder.encode(signal)) == signal
    older = b'{"signal":"read","conversation":"room","subject":"ada","seq":3}'
    assert signal_decoder.decode(older) == read(3)


async def test_a_marker_that_moves_often_is_one_signal_in_an_interval_and_the_last_one_is_sent() -> None:
    it = Board()
    for seq in range(1, 11):
        it.board.moved(read(seq))
    assert it.shown() == {"ada": 10}
    assert [one.seq for one in it.published] == [1]
    await it.pass_by(INTERVAL / 2)
    assert len(it.published) == 1
    await it.pass_by(INTERVAL)
    assert [one.seq for one in it.published] == [1, 10]
    assert it.changed == ["room", "room"]
    await it.pass_by(5 * INTERVAL)
    assert len(it.published) == 2
    it.board.moved(read(11))
    assert [one.seq for one in it.published] == [1, 10, 11], "the first one after a pause leaves at once"


def test_what_changes_nothing_is_no_signal() -> None:
    it = Board()
    it.board.moved(read(5))
    it.board.moved(read(5))
    it.board.moved(read(4))
    it.board.moved(read(0, "bob"))
    assert ([one.seq for one in it.published], it.changed) == ([5], ["room"])


async def test_a_reader_that_withdraws_is_not_shown_any_more() -> None:
    it = Board()
    it.board.moved(read(5))
    it.board.moved(read(6))
    it.board.moved(read(0))
    assert it.shown() == {}
    await it.pass_by(2 * INTERVAL)
    assert [one.seq for one in it.published] == [5, 0]
    other = Board()
    for signal in it.published:
        other.board.learn(signal)
    assert other.shown() == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 20)), max_size=20), st.randoms(use_true_random=False))
def test_signals_lead_to_the_same_in_any_order_and_repeated(moves: list[tuple[str, int]], draw: object) -> None:
    one, other = Board(), Board()
    for subject, seq in moves:
        one.board.learn(read(seq, subject))
    shuffled = [*moves, *moves[: len(moves) // 2]]
    draw.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis's Random
    for subject, seq in shuffled:
        other.board.learn(read(seq, subject))
    assert one.shown() == other.shown() == {who: max(seq for it, seq in moves if it == who) for who, _ in moves}


async def test_a_read_of_the_store_replaces_what_is_older_than_it() -> None:
    it = Board()
    it.board.learn(read(9, "ada"))
    it.board.learn(read(2, "gone"))
    await it.pass_by(1)
    began = it.clock.monotonic()
    it.board.learn(read(4, "newer"))
    it.changed.clear()
    found = [Receipt(subject="ada", role="user", seq=8), Receipt(subject="bob", role="user", seq=3)]
    it.board.loaded("room", found, began)
    assert it.shown() == {"ada": 9, "bob": 3, "newer": 4}
    assert it.changed == ["room"]
    it.board.loaded("room", found, began)
    assert it.changed == ["room"], "nothing changed"


def test_only_so_many_readers_are_shown_those_that_moved_last() -> None:
    it = Board()
    for number in range(READERS_SHOWN + 5):
        it.board.learn(read(1, f"r{number:03}"))
    assert set(it.shown()) == {f"r{number:03}" for number in range(5, READERS_SHOWN + 5)}


async def test_of_a_deleted_conversation_nothing_is_known_or_sent() -> None:
    it = Board()
    it.board.moved(read(1))
    it.board.moved(read(2))
    it.board.forget("room")
    await it.pass_by(2 * INTERVAL)
    assert (it.shown(), [one.seq for one in it.published]) == ({}, [1])
    assert it.changed == ["room", "room"]
