"""What broadcasts on the service topics mean: hints of entries, deletions, and signals of other instances. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any

import msgspec
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import entry_decoder
from umbral_chat.model.signals import Signal
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint, TransportEvent

from umbral_chat_realtime_supabase.live.phoenix_protocol import Heard

SIGNALS = "signals"
"""Event that carries signals from instance to instance."""

NONE = msgspec.Raw(b"null")


class _Told(msgspec.Struct, frozen=True):
    """Event `entry`, by the database's trigger. Without `entry` it was too long to be told whole."""

    conversation: str
    epoch: str
    seq: int
    entry: msgspec.Raw = NONE


class _Gone(msgspec.Struct, frozen=True):
    """Event `deleted`."""

    conversation: str


class _Signals(msgspec.Struct, frozen=True):
    """Event `signals`. `instance`: who says it."""

    instance: str
    signals: list[msgspec.Raw]


_told = msgspec.json.Decoder(_Told)
_gone = msgspec.json.Decoder(_Gone)
_signals = msgspec.json.Decoder(_Signals)
_signal: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)


def hints(heard: Heard, *, watched: Container[str], instance: str) -> Iterator[TransportEvent]:
    """What it tells of watched conversations, and not of what this instance said itself.

    Raises msgspec.DecodeError for what is not of a known form; what came before it has been yielded then.
    """
    match heard.event:
        case "entry":
            told = _told.decode(heard.payload)
            if told.conversation not in watched:
                return  # most of what is heard on a shard that many share: its entry is not decoded
            if bytes(told.entry) == bytes(NONE):
                yield HeadHint(told.conversation, Head(told.epoch, told.seq))
            else:
                yield EntryHint(told.conversation, told.epoch, entry_decoder.decode(told.entry))
        case "deleted":
            gone = _gone.decode(heard.payload)
            if gone.conversation in watched:
                yield HeadHint(gone.conversation, Deleted())
        case "signals":
            said = _signals.decode(heard.payload)
            if said.instance != instance:
                for each in said.signals:
                    # An instance of a later version may know kinds that this one does not.
                    signal = _understood(each)
                    if signal is not None and signal.conversation in watched:
                        yield SignalHint(signal)


def signals_payload(instance: str, signals: Sequence[Signal]) -> dict[str, Any]:
    """The payload of an event `signals`."""
    return {"instance": instance, "signals": signals}


def _understood(data: msgspec.Raw) -> Signal | None:
    try:
        return _signal.decode(data)
    except msgspec.DecodeError:
        return None


__all__ = ["SIGNALS", "hints", "signals_payload"]
