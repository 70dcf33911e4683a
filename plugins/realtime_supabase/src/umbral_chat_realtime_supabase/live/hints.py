"""Broadcasts on the service topics, decoded: hints of entries and deletions, and signals of other instances. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any

import msgspec
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import entry_decoder
from umbral_chat.model.signals import Signal
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint, TransportEvent

from umbral_chat_realtime_supabase.live.phoenix_protocol import Broadcast

SIGNALS = "signals"
"""The event with signals of another instance."""

NULL = msgspec.Raw(b"null")


class _EntryEvent(msgspec.Struct, frozen=True):
    """Event `entry`, by the database's trigger. `entry` is null when it is too long for a broadcast."""

    conversation: str
    epoch: str
    seq: int
    entry: msgspec.Raw = NULL


class _DeletedEvent(msgspec.Struct, frozen=True):
    """Event `deleted`."""

    conversation: str


class _SignalsEvent(msgspec.Struct, frozen=True):
    """Event `signals`, broadcast by `instance`."""

    instance: str
    signals: list[msgspec.Raw]


_entry_events = msgspec.json.Decoder(_EntryEvent)
_deleted_events = msgspec.json.Decoder(_DeletedEvent)
_signals_events = msgspec.json.Decoder(_SignalsEvent)
_signals: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)


def hints(broadcast: Broadcast, *, watched: Container[str], instance: str) -> Iterator[TransportEvent]:
    """The hints and signals in a broadcast that are of watched conversations, and not of this instance itself.

    Raises msgspec.DecodeError for a broadcast that is not of a known form.
    """
    match broadcast.event:
        case "entry":
            event = _entry_events.decode(broadcast.payload)
            if event.conversation not in watched:
                return  # as most are on a shard that many conversations share: their entries are not decoded
            if bytes(event.entry) == bytes(NULL):
                yield HeadHint(event.conversation, Head(event.epoch, event.seq))
            else:
                yield EntryHint(event.conversation, event.epoch, entry_decoder.decode(event.entry))
        case "deleted":
            deleted = _deleted_events.decode(broadcast.payload)
            if deleted.conversation in watched:
                yield HeadHint(deleted.conversation, Deleted())
        case "signals":
            sent = _signals_events.decode(broadcast.payload)
            if sent.instance != instance:
                for each in sent.signals:
                    # An instance of a later version may know kinds that this one does not.
                    signal = _decoded(each)
                    if signal is not None and signal.conversation in watched:
                        yield SignalHint(signal)


def signals_payload(instance: str, signals: Sequence[Signal]) -> dict[str, Any]:
    """The payload of an event `signals` from `instance`."""
    return {"instance": instance, "signals": signals}


def _decoded(data: msgspec.Raw) -> Signal | None:
    try:
        return _signals.decode(data)
    except msgspec.DecodeError:
        return None


__all__ = ["SIGNALS", "hints", "signals_payload"]
