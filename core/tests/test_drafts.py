"""Messages that are being written: whole, bounded, ended by their entry, dropped when their producer is silent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from umbral_chat.drafts import ENDED_KEPT, ENDED_LIMIT, SILENCE, Drafts
from umbral_chat.errors import Conflict, RequestError, TooManyRequests
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal

BOT = Sender(role="assistant", id="bot")
VISITOR = Sender(role="user", id="visitor")


class StillClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


class Instance:
    def __init__(self, per_conversation: int = 3) -> None:
        self.clock = StillClock()
        self.changed: list[str] = []
        self.published: list[DraftSignal] = []
        self.drafts = Drafts(
            self.clock,
            per_conversation=per_conversation,
            changed=self.changed.append,
            publish=self.published.append,
        )

    def piece(self, offset: int, text: str, **given: Any) -> int:
        arguments: dict[str, Any] = {"message_id": "m", "sender": BOT, "subject": "bot", "limit": 100} | given
        return self.drafts.piece("room", arguments.pop("message_id"), offset=offset, text=text, **arguments)

    def text(self) -> str | None:
        return next((draft.text for draft in self.drafts.of("room")), None)


def signal(text: str, *, message_id: str = "m", ended: bool = False) -> DraftSignal:
    return DraftSignal(conversation="room", message_id=message_id, text=text, sender=BOT, ended=ended)


def refused(instance: Instance, offset: int, text: str, **given: Any) -> RequestError:
    with pytest.raises((Conflict, TooManyRequests)) as error:
        instance.piece(offset, text, **given)
    return error.value


def test_pieces_are_put_together_and_whoever_comes_in_the_middle_gets_the_whole() -> None:
    one = Instance()
    assert one.piece(0, "Hel") == 3
    assert one.piece(3, "lo 👋") == 7
    assert [(draft.message_id, draft.offset, draft.text) for draft in one.drafts.of("room")] == [("m", 0, "Hello 👋")]


def test_a_repeated_piece_changes_nothing_and_wakes_nobody() -> None:
    one = Instance()
    one.piece(0, "Hello")
    before = len(one.changed)
    assert one.piece(0, "Hel") == 5
    assert (one.text(), len(one.changed)) == ("Hello", before)


def test_a_piece_from_before_the_end_replaces_what_followed() -> None:
    one = Instance()
    one.piece(0, "Hello world")
    assert one.piece(6, "you") == 9
    assert one.text() == "Hello you"


def test_a_gap_is_answered_with_where_to_go_on() -> None:
    one = Instance()
    one.piece(0, "Hello")
    error = refused(one, 7, "late")
    assert (error.code, error.extra["expected"]) == ("draft_gap", 5)


def test_what_is_too_long_too_many_or_somebody_elses_is_refused_and_changes_nothing() -> None:
    one = Instance(per_conversation=1)
    one.piece(0, "x" * 100)
    assert refused(one, 100, "y").code == "draft_too_long"
    assert refused(one, 0, "y", message_id="other").code == "too_many_drafts"
    assert refused(one, 100, "", subject="visitor", sender=VISITOR).code == "not_your_draft"
    assert one.text() == "x" * 100


def test_its_entry_ends_it_and_a_late_piece_or_signal_does_not_bring_it_back() -> None:
    one = Instance()
    one.piece(0, "Hello")
    one.drafts.end("room", "m")
    assert one.text() is None
    assert one.published[-1].ended
    assert refused(one, 5, "late").code == "draft_ended"
    one.drafts.learn(signal("Hello, late"))
    assert one.text() is None


def test_an_entry_that_comes_before_the_draft_is_heard_of_ends_it_too() -> None:
    one = Instance()
    one.drafts.end("room", "m")
    one.drafts.learn(signal("Hello"))
    assert one.text() is None


def test_a_silent_producer_loses_its_draft_and_one_that_repeats_itself_does_not() -> None:
    one = Instance()
    one.piece(0, "Hello")
    one.clock.time += SILENCE - 1
    one.piece(0, "Hello")
    one.clock.time += SILENCE - 1
    one.drafts.sweep()
    assert one.text() == "Hello"
    one.clock.time += 1
    one.drafts.sweep()
    assert one.text() is None
    assert len(one.drafts) == 0


def test_it_is_told_to_others_whole_and_at_most_twice_a_second() -> None:
    one = Instance()
    for length in range(100):
        one.piece(length, "x")
        one.clock.time += 0.05
        one.drafts.sweep()
    assert 9 <= len(one.published) <= 11
    one.clock.time += 0.5
    one.drafts.sweep()
    assert one.published[-1].text == "x" * 100, "the last piece is told too"


def test_what_others_tell_is_shown_and_a_late_signal_does_not_shorten_it() -> None:
    two = Instance()
    for text in ("Hel", "Hello", "Hel", "Hello"):
        two.drafts.learn(signal(text))
    assert two.text() == "Hello"
    two.drafts.learn(signal("Help"))
    assert two.text() == "Help"
    two.clock.time += SILENCE
    two.drafts.sweep()
    assert two.text() is None


def test_another_instances_repetition_keeps_its_draft_and_wakes_nobody() -> None:
    two = Instance()
    two.drafts.learn(signal("Hello"))
    before = len(two.changed)
    two.clock.time += SILENCE - 1
    two.drafts.learn(signal("Hello"))
    two.clock.time += SILENCE - 1
    two.drafts.sweep()
    assert (two.text(), len(two.changed)) == ("Hello", before)


def test_a_producer_whose_pieces_are_spread_goes_on_here_with_what_it_began_elsewhere() -> None:
    two = Instance()
    two.drafts.learn(signal("Hel"))
    assert refused(two, 3, "p!", subject="visitor", sender=VISITOR).code == "not_your_draft"
    assert two.piece(3, "lo") == 5
    assert two.text() == "Hello"


def test_a_signal_does_not_overwrite_what_was_written_here_and_not_yet_told() -> None:
    one = Instance()
    one.piece(0, "Hel")
    one.piece(3, "lo")
    one.drafts.learn(signal("Hey"))
    assert one.text() == "Hello"


def test_the_end_that_another_instance_tells_ends_it_here_and_is_not_told_again() -> None:
    two = Instance()
    two.drafts.learn(signal("Hello"))
    two.drafts.learn(signal("", ended=True))
    assert (two.text(), two.published) == (None, [])


def test_a_deleted_conversation_leaves_nothing_behind() -> None:
    one = Instance()
    one.piece(0, "Hello")
    one.drafts.end("room", "ended")
    one.drafts.forget("room")
    assert one.text() is None
    assert one.piece(0, "anew", message_id="ended") == 4


def test_what_is_remembered_of_ended_ones_is_bounded_in_number_and_time() -> None:
    one = Instance()
    for number in range(2 * ENDED_LIMIT):
        one.drafts.end(f"room-{number}", "m")
    assert len(one.drafts._ended) == ENDED_LIMIT
    one.clock.time += ENDED_KEPT
    one.drafts.sweep()
    assert len(one.drafts._ended) == 0


def test_others_drafts_are_bounded_too() -> None:
    two = Instance(per_conversation=2)
    for number in range(5):
        two.drafts.learn(signal("x", message_id=f"m{number}"))
    assert len(two.drafts) == 2


@given(st.lists(st.tuples(st.integers(0, 12), st.text("ab", max_size=4)), max_size=30))
def test_pieces_in_any_order_never_leave_a_hole(pieces: list[tuple[int, str]]) -> None:
    one, text = Instance(), ""
    for offset, piece in pieces:
        if offset > len(text):
            assert refused(one, offset, piece).extra["expected"] == len(text)
            continue
        if not (piece and text.startswith(piece, offset)):
            text = text[:offset] + piece
        assert one.piece(offset, piece) == len(text)
        assert one.text() == text
    one.clock.time += 1
    one.drafts.sweep()
    if one.published:
        assert one.published[-1].text == text, "others end with another text"
