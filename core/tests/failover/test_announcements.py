"""What waits to be announced is bounded, and of each conversation its newest is told, or is superseded by it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.delivery.bus import LogChange
from umbral_chat._core.delivery.failover.announcements import Announcements
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.model.entries import Entry, Message, Redaction, Sender
from umbral_chat.providers.transport import EntryHint, HeadHint

AT = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH, LATER = "aaaaaaaaaa", "bbbbbbbbbb"


def entry(seq: int, content: str = "x", *, redaction: bool = False) -> Entry:
    if redaction:
        return Redaction(seq=seq, at=AT, sender=Sender("user"), message_id="m1")
    return Message(seq=seq, at=AT, sender=Sender("user"), message_id=f"m{seq}", content=content)


def happened(conversation: str, *entries: Entry, epoch: str = EPOCH) -> LogChange:
    return LogChange(conversation, epoch, [EncodedEntry.of(one) for one in entries])


def drained(waiting: Announcements) -> list[EntryHint | HeadHint]:
    found = []
    while (hint := waiting.take()) is not None:
        found.append(hint)
    return found


def test_entries_come_whole_and_in_order() -> None:
    waiting = Announcements()
    waiting.put(happened("a", entry(1), entry(2)))
    waiting.put(happened("b", entry(1)))
    assert drained(waiting) == [
        EntryHint("a", EPOCH, entry(1)),
        EntryHint("a", EPOCH, entry(2)),
        EntryHint("b", EPOCH, entry(1)),
    ]
    assert len(waiting) == 0


def test_what_is_too_much_leaves_how_far_its_log_got() -> None:
    waiting = Announcements(entries=2)
    for seq in range(1, 6):
        waiting.put(happened("a", entry(seq, redaction=seq == 2)))
    assert drained(waiting) == [
        HeadHint("a", Head(EPOCH, 3, 2)),
        EntryHint("a", EPOCH, entry(4)),
        EntryHint("a", EPOCH, entry(5)),
    ]


def test_bytes_are_bounded_too() -> None:
    waiting = Announcements(entry_bytes=1000)
    waiting.put(happened("a", entry(1, "x" * 600)))
    waiting.put(happened("a", entry(2, "x" * 600)))
    waiting.put(happened("b", entry(1, "x" * 2000)))
    assert [type(hint) for hint in drained(waiting)] == [HeadHint, HeadHint]


def test_a_deletion_takes_the_place_of_what_waits_of_its_conversation() -> None:
    waiting = Announcements()
    waiting.put(happened("a", entry(1)))
    waiting.put(happened("b", entry(1)))
    waiting.put(happened("a"))
    waiting.put(happened("a", entry(1), epoch=LATER))
    assert drained(waiting) == [
        HeadHint("a", Deleted()),
        EntryHint("b", EPOCH, entry(1)),
        EntryHint("a", LATER, entry(1)),
    ]


def test_of_too_many_conversations_the_oldest_is_left_out() -> None:
    waiting = Announcements(entries=0, heads=2)
    for conversation in ("a", "b", "a", "c"):
        waiting.put(happened(conversation, entry(1)))
    assert [hint.conversation for hint in drained(waiting)] == ["a", "c"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("entry"), st.sampled_from("abc")),
        st.tuples(st.just("delete"), st.sampled_from("abc")),
        st.tuples(st.just("take"), st.just("")),
    ),
    max_size=60,
)


@given(steps)
def test_whoever_applies_what_comes_ends_where_the_logs_stand(taken: list[tuple[str, str]]) -> None:
    waiting = Announcements(entries=3, heads=3)
    truth: dict[str, Head | Deleted] = {}
    told: dict[str, Head | Deleted] = {}
    epochs = iter(
        f"{'abcdefghijklmnopqrstuvwxyz234567'[number % 32] * 9}{number // 32 % 6 + 2}" for number in range(100)
    )

    def apply(hint: EntryHint | HeadHint | None) -> None:
        match hint:
            case EntryHint():
                told[hint.conversation] = Head(hint.epoch, hint.entry.seq)
            case HeadHint():
                told[hint.conversation] = hint.head

    for what, conversation in taken:
        before = truth.get(conversation)
        if what == "take":
            apply(waiting.take())
        elif what == "entry":
            head = Head(before.epoch, before.seq + 1) if isinstance(before, Head) else Head(next(epochs), 1)
            truth[conversation] = head
            waiting.put(happened(conversation, entry(head.seq), epoch=head.epoch))
        elif isinstance(before, Head):
            truth[conversation] = Deleted()
            waiting.put(happened(conversation))
        assert len(waiting) <= 6
    for hint in drained(waiting):
        apply(hint)
    assert told == truth
