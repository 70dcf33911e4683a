"""The body of an answer reads back as what went into it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.drafts import DraftView
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.entries import Entry, FoldedMessage, Message, Redaction, Sender
from umbral_chat.model.fold import folded
from umbral_chat.model.receipts import Receipt
from umbral_chat.model.runs import RunView
from umbral_chat.providers.presence import PersonHere, PersonTyping, PresenceList, PresenceState
from umbral_chat_polling.answer import Events, SignalsSnapshot, body

NOW = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
senders = st.builds(Sender, st.sampled_from(["user", "assistant"]), st.none() | texts, st.none() | texts)
messages = st.builds(
    Message, seq=st.integers(1, 2**53 - 1), at=st.just(NOW), sender=senders, message_id=texts, content=texts
)
redactions = st.builds(Redaction, seq=st.integers(1, 9), at=st.just(NOW), sender=senders, message_id=texts)
drafts = st.builds(DraftView, message_id=texts, offset=st.just(0), text=texts, sender=senders)
runs = st.builds(
    RunView, run_id=texts, state=st.sampled_from(["tool", "writing"]), sender=senders, started_at=st.just(NOW)
)
here = st.builds(PersonHere, person=texts, role=st.just("user"), status=st.just("online"), since=st.just(NOW))
lists = st.builds(
    PresenceList,
    version=st.sampled_from("vw"),
    count=st.just(1),
    counts=st.just({"user": 1}),
    people=st.lists(here, max_size=2),
)
types = st.lists(st.builds(PersonTyping, person=texts, role=st.just("user")), max_size=2)


@given(
    st.lists(st.one_of(messages, redactions), max_size=3),
    st.lists(drafts, max_size=2),
    st.lists(runs, max_size=2),
    st.none() | st.builds(PresenceState, lists, types),
    st.lists(
        st.builds(Receipt, subject=texts, role=st.just("user"), name=st.none() | texts, seq=st.just(3)), max_size=2
    ),
    st.none() | st.just(NOW),
    st.none() | st.lists(messages.map(folded), max_size=2),
    st.integers(0, 9),
)
def test_it_reads_back_as_what_it_was_made_of(
    entries: list[Entry],
    drafts: list[DraftView],
    runs: list[RunView],
    presence: PresenceState | None,
    readers: list[Receipt],
    stale_since: datetime | None,
    snapshot: list[FoldedMessage] | None,
    head: int,
) -> None:
    cursor = Cursor("e" * 10, 5)
    signals = SignalsSnapshot.encode(drafts, runs, presence.typing if presence else (), readers)
    data = body(
        entries=[EncodedEntry.of(entry) for entry in entries],
        cursor=cursor,
        head=head,
        poll_after_ms=250,
        mode="polling",
        signals=signals,
        presence=presence.presence if presence else None,
        known_presence="w",
        stale_since=stale_since,
        messages=None if snapshot is None else msgspec.json.encode(snapshot),
    )
    assert msgspec.json.decode(data, type=Events) == Events(
        entries=entries,
        cursor=str(cursor),
        head=head,
        has_more=head > 5,
        poll_after_ms=250,
        mode="polling",
        signals=signals.version,
        drafts=drafts,
        runs=runs,
        typing=presence.typing if presence else [],
        readers=readers,
        presence=presence.presence if presence and presence.presence.version != "w" else None,
        stale_since=stale_since,
        snapshot=snapshot is not None,
        messages=snapshot or [],
    )


def test_what_there_is_nothing_of_is_still_there() -> None:
    """A client, or an expression in a workflow, reads these without asking whether they exist."""
    signals = SignalsSnapshot.encode([], [], [])
    data: dict[str, Any] = msgspec.json.decode(
        body(
            entries=[],
            cursor=START,
            head=0,
            poll_after_ms=1000,
            mode="local",
            signals=signals,
            presence=None,
        )
    )
    assert data == {
        "entries": [],
        "cursor": "0",
        "head": 0,
        "has_more": False,
        "poll_after_ms": 1000,
        "mode": "local",
        "signals": signals.version,
        "drafts": [],
        "runs": [],
        "typing": [],
        "readers": [],
        "presence": None,
    }
