"""What broadcasts mean to an instance."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import Message, Sender
from umbral_chat.model.signals import DraftSignal, ReadSignal
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint, TransportEvent
from umbral_chat_realtime_supabase.live.hints import SIGNALS, hints, signals_payload
from umbral_chat_realtime_supabase.live.phoenix_protocol import Broadcast

ENTRY = {
    "kind": "message",
    "seq": 7,
    "at": "2026-11-25T12:00:00.000001Z",
    "sender": {"role": "user"},
    "message_id": "m",
    "content": "Ünïcödé 😀",
}
MESSAGE = Message(
    seq=7,
    at=datetime(2026, 11, 25, 12, 0, 0, 1, tzinfo=UTC),
    sender=Sender("user"),
    message_id="m",
    content="Ünïcödé 😀",
)


def hints_of(event: str, payload: Any) -> list[TransportEvent]:
    received = Broadcast("umbral_chat:s:0", event, msgspec.Raw(json.dumps(payload).encode()))
    return list(hints(received, watched={"room"}, instance="me"))


def test_an_entry_is_hinted_whole() -> None:
    payload = {"conversation": "room", "epoch": "e", "seq": 7, "entry": ENTRY}
    assert hints_of("entry", payload) == [EntryHint("room", "e", MESSAGE)]


@pytest.mark.parametrize("more", [{}, {"entry": None}])
def test_one_that_was_too_long_leaves_where_the_log_stands(more: dict[str, None]) -> None:
    payload = {"conversation": "room", "epoch": "e", "seq": 7} | more
    assert hints_of("entry", payload) == [HeadHint("room", Head("e", 7))]


def test_a_deletion_is_hinted() -> None:
    assert hints_of("deleted", {"conversation": "room", "epoch": "e"}) == [HeadHint("room", Deleted())]


def test_what_is_not_watched_is_ignored_undecoded() -> None:
    assert hints_of("entry", {"conversation": "other", "epoch": "e", "seq": 7, "entry": {"no": "entry"}}) == []
    assert hints_of("deleted", {"conversation": "other", "epoch": "e"}) == []
    assert hints_of("something of a later version", {"conversation": "room"}) == []


def test_signals_of_other_instances_are_passed_on_and_not_ones_own() -> None:
    draft = DraftSignal(conversation="room", message_id="m", text="The answ", sender=Sender("assistant"))
    read = ReadSignal(conversation="room", subject="u", seq=3)
    elsewhere = ReadSignal(conversation="other", subject="u", seq=3)
    payload = msgspec.to_builtins(signals_payload("they", [draft, elsewhere, read]))
    assert hints_of(SIGNALS, payload) == [SignalHint(draft), SignalHint(read)]
    assert hints_of(SIGNALS, payload | {"instance": "me"}) == []


def test_a_signal_of_a_later_version_hides_no_other() -> None:
    read = ReadSignal(conversation="room", subject="u", seq=3)
    payload = msgspec.to_builtins(signals_payload("they", [read]))
    payload["signals"].insert(0, {"signal": "smell", "conversation": "room"})
    assert hints_of(SIGNALS, payload) == [SignalHint(read)]


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("entry", None),
        ("entry", {"conversation": "room"}),
        ("entry", {"conversation": "room", "epoch": "e", "seq": 7, "entry": {"kind": "smell"}}),
        ("entry", {"conversation": "room", "epoch": "e", "seq": "7"}),
        ("deleted", []),
        (SIGNALS, {"instance": "they"}),
    ],
)
def test_an_unknown_form_raises_a_decode_error(event: str, payload: Any) -> None:
    with pytest.raises(msgspec.DecodeError):
        hints_of(event, payload)
