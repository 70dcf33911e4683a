"""A signal on the shared store's short list: whose it is, and what it says."""

from __future__ import annotations

import msgspec
from umbral_chat.model.depth import decode_bounded
from umbral_chat.model.signals import Signal, signal_decoder, signal_encoder
from umbral_chat.providers.store import StoredSignal


class _Posted(msgspec.Struct, frozen=True, rename={"instance": "from"}):
    instance: str
    signal: msgspec.Raw


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Posted)


def pack(instance: str, signal: Signal) -> bytes:
    """The payload to post, marked with who posts it so that it does not hear itself."""
    return _encoder.encode(_Posted(instance, msgspec.Raw(signal_encoder.encode(signal))))


def unpack(instance: str, stored: StoredSignal) -> Signal | None:
    """What another instance than `instance` posted; None for its own, and for what a newer version may have posted
    that this one cannot read: a signal is never worth a failure."""
    try:
        posted = decode_bounded(_decoder, stored.payload)
        return None if posted.instance == instance else signal_decoder.decode(posted.signal)
    except msgspec.MsgspecError:
        return None


__all__ = ["pack", "unpack"]
