"""The rule of unread answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given
from umbral_chat.model.entries import FoldedMessage, Member, Sender
from umbral_chat_subscriptions.unread.rule import (
    ANSWERS,
    READERS,
    Reader,
    ReaderState,
    answer_of,
    has_seen,
    is_unread,
    readers_of,
    reported_after,
    unread_by,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA = Reader(subject="ada", role="user", member=True)


def message(seq: int, sender: Sender, *, redacted: bool = False, imported: bool = False) -> FoldedMessage:
    return FoldedMessage(
        seq=seq,
        version=seq,
        at=NOON + timedelta(minutes=seq),
        sender=sender,
        message_id=f"m{seq}",
        content="" if redacted else "text",
        redacted=redacted,
        imported=imported,
    )


senders = st.sampled_from(
    [
        Sender("assistant", "bot"),
        Sender("agent", "desk"),
        Sender("user", "ada"),
        Sender("user", "bob"),
        Sender("system"),
    ]
)
logs = st.lists(st.tuples(senders, st.booleans()), min_size=1, max_size=12).map(
    lambda drawn: [message(index + 1, sender, redacted=redacted) for index, (sender, redacted) in enumerate(drawn)]
)
seqs = st.none() | st.integers(0, 13)
times = st.none() | st.integers(0, 20).map(lambda minutes: NOON + timedelta(minutes=minutes))
states = st.builds(
    ReaderState, marker=seqs, present=st.booleans(), last_seen=times, reported=st.none() | st.integers(1, 12)
)


@given(logs, st.none() | st.integers(1, 12))
def test_the_answer_is_the_newest_that_is_left_or_the_one_whose_report_is_pending(
    log: list[FoldedMessage], pending: int | None
) -> None:
    answer = answer_of(log, ANSWERS, pending)
    answers = [one.seq for one in log if one.sender.role in ANSWERS and not one.redacted]
    if pending is None:
        assert (None if answer is None else answer.seq) == (max(answers) if answers else None)
    else:
        assert (answer is not None) == (pending in answers)
        assert answer is None or answer.seq == pending


@given(logs, states)
def test_whoever_has_seen_it_is_never_reported_and_whoever_is_was_armed(
    log: list[FoldedMessage], state: ReaderState
) -> None:
    answer = answer_of(log, ANSWERS, None)
    if answer is None or not is_unread(answer, ADA, state, log):
        return
    assert state.marker is None or state.marker < answer.seq
    assert not state.present
    assert state.last_seen is None or state.last_seen < answer.at
    assert not [one for one in log if one.sender.id == "ada" and one.seq > answer.seq]
    assert state.reported in (None, answer.seq) or has_seen(state.reported, "ada", state, log)
    assert answer in unread_by(log, ANSWERS, "ada", state.marker)


@given(logs, states)
def test_a_report_is_kept_while_it_is_not_seen_and_holds_back_the_next(
    log: list[FoldedMessage], state: ReaderState
) -> None:
    answer = answer_of(log, ANSWERS, None)
    if answer is None:
        return
    before = {} if state.reported is None else {"ada": state.reported}
    unread = ["ada"] if is_unread(answer, ADA, state, log) else []
    after = reported_after(before, answer, unread, {"ada": state}, log)
    again = ReaderState(state.marker, state.present, state.last_seen, after.get("ada"))
    # The same question has the same answer: what is not delivered is delivered the next time.
    assert is_unread(answer, ADA, again, log) == bool(unread)
    newer = message(len(log) + 1, Sender("assistant", "bot"))
    if unread:
        assert not is_unread(newer, ADA, again, [*log, newer])
        read = ReaderState(marker=answer.seq, reported=after["ada"])
        assert is_unread(newer, ADA, read, [*log, newer])


@given(st.integers(0, 2 * READERS), st.integers(0, 2 * READERS))
def test_readers_and_reports_are_bounded(members: int, senders: int) -> None:
    log = [message(seq + 1, Sender("user", f"guest-{seq}")) for seq in range(senders)]
    answer = message(senders + 1, Sender("assistant", "bot"))
    found = readers_of([Member(f"member-{n}") for n in range(members)], log, answer)
    assert len(found) == min(READERS, members + senders)
    assert sum(one.member for one in found.values()) == min(READERS, members)
    before = {f"former-{n}": n for n in range(READERS)}
    after = reported_after(before, answer, list(found), {one: ReaderState() for one in found}, log)
    assert len(after) <= READERS
    assert set(found) <= set(after)


def test_a_reader_without_a_marker_is_one_only_as_a_member() -> None:
    answer = message(1, Sender("assistant", "bot"))
    guest = Reader(subject="ada", role="user", member=False)
    assert is_unread(answer, ADA, ReaderState(), [answer])
    assert not is_unread(answer, guest, ReaderState(), [answer])
    assert is_unread(answer, guest, ReaderState(marker=0), [answer])


def test_imported_messages_and_those_of_other_roles_are_no_answers() -> None:
    log = [message(1, Sender("agent", "desk")), message(2, Sender("assistant", "bot"), imported=True)]
    log.append(message(3, Sender("assistant", "bot")))
    assert answer_of(log[:2], ANSWERS, None) == log[0]
    assert answer_of(log, ["agent"], None) == log[0]
