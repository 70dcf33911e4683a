"""Events and their ids."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.entries import Message, Sender
from umbral_chat.providers.edges import LogEnd
from umbral_chat_subscriptions.events import end_event, entry_event

HELLO = Message(seq=7, at=datetime(2026, 1, 1, tzinfo=UTC), sender=Sender("user"), message_id="m7", content="Hello")
EPOCH, NEXT = "aaaaaaaaaa", "bbbbbbbbbb"


def test_the_event_of_an_entry() -> None:
    event = msgspec.to_builtins(entry_event("s1", "room", EPOCH, HELLO))
    assert event.pop("id").startswith("evt_")
    assert event == {
        "type": "entry",
        "conversation": "room",
        "cursor": "aaaaaaaaaa.7",
        "entry": msgspec.to_builtins(HELLO),
    }


def test_the_event_of_a_logs_end() -> None:
    deleted, restarted = (end_event("s1", "room", LogEnd(EPOCH, successor)) for successor in (None, NEXT))
    assert (deleted.type, deleted.cursor, deleted.entry) == ("deleted", "0", None)
    assert (restarted.type, restarted.cursor, restarted.entry) == ("restarted", "bbbbbbbbbb.0", None)
    # The end of one log: delivered once more, after its conversation was made again, its id shows that it is a repeat.
    assert deleted.id == restarted.id != end_event("s1", "room", LogEnd(NEXT)).id


names = st.sampled_from(["s1", "s2"]), st.sampled_from(["room", "room1", "1"]), st.sampled_from([EPOCH, NEXT])


@given(st.lists(st.tuples(*names, st.integers(1, 20)), min_size=2, max_size=2))
def test_an_id_is_of_one_subscription_log_and_seq(two: list[tuple[str, str, str, int]]) -> None:
    one, other = (
        entry_event(name, conversation, epoch, msgspec.structs.replace(HELLO, seq=seq)).id
        for name, conversation, epoch, seq in two
    )
    assert (one == other) == (two[0] == two[1])


def test_an_id_outlives_a_redaction() -> None:
    blank = msgspec.structs.replace(HELLO, content="", redacted=True)
    assert entry_event("s1", "room", EPOCH, blank).id == entry_event("s1", "room", EPOCH, HELLO).id
