"""Messages that are being written, as one instance knows them: whole, bounded, ended by their entry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from umbral_chat._core.conversations.draft_pieces import gives_way, put
from umbral_chat.drafts import ENDED_KEPT, ENDED_LIMIT, SILENCE, Drafts, Piece, not_your_draft
from umbral_chat.errors import Conflict, RequestError, TooManyRequests, Unavailable
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, Writer

BOT = Sender(role="assistant", id="bot")
VISITOR = Sender(role="user", id="visitor")
WRITER = Writer.of("room", "bot", trusted=True)


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
    def __init__(self, per_conversation: int = 3, **bounds: int) -> None:
        self.clock = StillClock()
        self.changed: list[str] = []
        self.published: list[DraftSignal] = []
        self.drafts = Drafts(
            self.clock,
            per_conversation=per_conversation,
            changed=self.changed.append,
            publish=self.published.append,
            **bounds,
        )

    def piece(self, offset: int, text: str, **given: Any) -> int:
        """As the keeper does it, with a store that has nothing."""
        plain: dict[str, Any] = {"conversation": "room", "message_id": "m", "sender": BOT, "author": "bot"}
        piece = Piece(offset=offset, text=text, **{**plain, "trusted": True, **given})
        if self.drafts.takes(piece):
            return self.drafts.piece(piece, limit=100)
        self.drafts.check_new(piece)
        known = self.drafts.get(piece.conversation, piece.message_id)
        own = known is not None and known.writer in {None, piece.writer}
        if known is not None and not own and not gives_way(known.writer, piece.writer):
            raise not_your_draft()
        text = put(known.text if known is not None and own else "", piece, limit=100)
        self.drafts.hold(piece, text, fence=known.fence + 1 if known else 1)
        return len(text)

    def text(self) -> str | None:
        return next((draft.text for draft in self.drafts.of("room")), None)


def signal(text: str, *, message_id: str = "m", ended: bool = False, fence: int = 0) -> DraftSignal:
    return DraftSignal(
        conversation="room", message_id=message_id, text=text, sender=BOT, ended=ended, fence=fence, writer=WRITER
    )


def refused(instance: Instance, offset: int, text: str, **given: Any) -> RequestError:
    with pytest.raises((Conflict, TooManyRequests, Unavailable)) as error:
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


def test_an_empty_piece_is_a_sign_of_life_wherever_it_begins() -> None:
    one = Instance()
    one.piece(0, "Hello")
    one.clock.time += 1
    assert [one.piece(offset, "") for offset in (5, 0, 2)] == [5, 5, 5]
    assert refused(one, 6, "").code == "draft_offset"
    assert one.text() == "Hello"


@pytest.mark.parametrize("offset", [0, 2, 4, 6, 50])
def test_a_piece_that_does_not_begin_at_the_end_is_answered_with_where_that_is(offset: int) -> None:
    one = Instance()
    one.piece(0, "Hello")
    error = refused(one, offset, "late")
    assert (error.code, error.field, error.extra["expected"]) == ("draft_offset", "offset", 5)
    assert one.text() == "Hello"


def test_a_piece_that_says_so_replaces_what_followed() -> None:
    one = Instance()
    one.piece(0, "Hello world")
    assert one.piece(6, "you", replace=True) == 9
    assert one.text() == "Hello you"
    assert one.piece(0, "Hel", replace=True) == 3
    assert refused(one, 4, "?", replace=True).extra["expected"] == 3


def test_what_is_too_long_too_many_or_somebody_elses_is_refused_and_changes_nothing() -> None:
    one = Instance(per_conversation=1)
    one.piece(0, "x" * 100)
    assert refused(one, 100, "y").code == "draft_too_long"
    assert refused(one, 0, "y", message_id="other").code == "too_many_drafts"
    visitor: dict[str, Any] = {"author": "visitor", "sender": VISITOR, "trusted": False}
    assert refused(one, 100, "", **visitor).code == "not_your_draft"
    assert one.piece(0, "y", message_id="mine", **visitor) == 1, "of places of their own"
    assert refused(one, 0, "y", message_id="more", **visitor).code == "too_many_own_drafts"
    assert refused(one, 0, "y", message_id="more", **visitor | {"author": "v2"}).code == "too_many_drafts"
    assert one.piece(0, "y", message_id="another key's", author="another") == 1
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


def test_a_silent_producer_s_draft_stays_until_it_is_ended_in_the_log() -> None:
    one = Instance()
    one.piece(0, "Hello")
    one.clock.time += 10 * SILENCE
    one.drafts.sweep()
    assert one.text() == "Hello"


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
    two.clock.time += 3 * SILENCE
    two.drafts.sweep()
    assert two.text() is None, "nothing was heard of it, and whoever holds it has ended it"


def test_what_was_cut_or_taken_over_replaces_what_is_known_and_the_past_does_not_come_back() -> None:
    two = Instance()
    two.drafts.learn(signal("Hello world", fence=1))
    two.drafts.learn(signal("Hello", fence=2))
    assert two.text() == "Hello"
    two.drafts.learn(signal("Hello world", fence=1))
    assert two.text() == "Hello"


def test_an_instance_whose_draft_another_one_took_over_holds_it_no_more() -> None:
    one = Instance()
    one.piece(0, "Hello")
    one.drafts.learn(signal("Hello, elsewhere", fence=1))
    assert one.text() == "Hello", "an echo of its own"
    one.drafts.learn(signal("Help", fence=7))
    assert (one.text(), list(one.drafts.held())) == ("Help", [])


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
    assert refused(two, 3, "p!", author="visitor", sender=VISITOR).code == "not_your_draft"
    assert two.piece(3, "lo") == 5
    assert two.text() == "Hello"


def test_a_signal_does_not_overwrite_what_is_written_here() -> None:
    one = Instance()
    one.piece(0, "Hel")
    one.piece(3, "lo")
    one.drafts.learn(signal("Hello you", fence=1))
    assert one.text() == "Hello"


def test_progress_of_its_run_keeps_a_draft_alive_here_or_at_the_instance_that_holds_it() -> None:
    one = Instance()
    one.piece(0, "Hello")
    one.clock.time += SILENCE
    one.drafts.touch("room", "m")
    ((_, _, draft),) = one.drafts.held()
    assert draft.touched == one.clock.time
    assert one.drafts.touched_elsewhere == {}
    one.drafts.touch("room", "other")
    assert list(one.drafts.touched_elsewhere) == [("room", "other")]


def test_an_instance_holds_so_many_drafts_and_characters_and_visitors_leave_room_for_keys() -> None:
    one = Instance(total=10, total_chars=100)
    visitor: dict[str, Any] = {"trusted": False, "sender": VISITOR}
    for number in range(9):
        one.piece(0, "x", **visitor, message_id=f"m{number}", author=f"v{number}", conversation=str(number))
    error = refused(one, 0, "x", **visitor, message_id="more", author="v")
    assert (error.status, error.code) == (503, "drafts_full")
    assert one.piece(0, "x" * 80) == 80
    assert refused(one, 80, "x" * 20).code == "drafts_full"
    assert refused(one, 0, "x", message_id="eleventh").code == "drafts_full"
    one.drafts.end("0", "m0")
    assert one.piece(80, "x" * 11) == 91
    assert len(one.drafts) == 9


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


@given(st.lists(st.tuples(st.integers(0, 12), st.text("ab", max_size=4), st.booleans()), max_size=30))
def test_pieces_in_any_order_never_leave_a_hole(pieces: list[tuple[int, str, bool]]) -> None:
    one, text = Instance(), ""
    for offset, piece, replace in pieces:
        repeated = not replace and offset <= len(text) and text.startswith(piece, offset)
        if not repeated and offset != len(text) and not (replace and offset < len(text)):
            assert refused(one, offset, piece, replace=replace).extra["expected"] == len(text)
            continue
        if not repeated:
            text = text[:offset] + piece
        assert one.piece(offset, piece, replace=replace) == len(text)
        assert one.text() == text
    one.clock.time += 1
    one.drafts.sweep()
    if one.published:
        assert one.published[-1].text == text, "others end with another text"
