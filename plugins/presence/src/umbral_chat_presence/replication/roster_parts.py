"""Rosters split into parts: a record of the shared store holds 64 KiB, and a roster may be longer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from umbral_chat.model.depth import decode_bounded

from umbral_chat_presence.state.roster import Roster

PART_BYTES = 60_000
"""Most bytes of a part's content; its frame takes little of the rest of a record."""


class _Part(msgspec.Struct, frozen=True, array_like=True):
    number: int
    index: int
    parts: int
    roster: Roster


class StoredRoster(msgspec.Struct, frozen=True):
    """A roster that was read whole."""

    number: int
    roster: Roster


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Part)


def pack(roster: Roster, number: int) -> list[bytes]:
    """The values to store, at least one."""
    parts, size = [_blank(roster)], 0
    for kind in _KINDS:
        for one in getattr(roster, kind):
            length = len(_encoder.encode(one)) + 1
            if size and size + length > PART_BYTES:
                parts.append(_blank(roster))
                size = 0
            getattr(parts[-1], kind).append(one)
            size += length
    return [_encoder.encode(_Part(number, index, len(parts), part)) for index, part in enumerate(parts)]


def unpack(values: Iterable[bytes]) -> StoredRoster | None:
    """The roster that the parts of one instance make; None when the newest one is incomplete (it is being written), or
    cannot be decoded."""
    try:
        found = [decode_bounded(_decoder, value) for value in values]
    except (msgspec.MsgspecError, UnicodeError):
        return None
    if not found:
        return None
    number = max(part.number for part in found)
    parts: Mapping[int, _Part] = {part.index: part for part in found if part.number == number}
    first = parts.get(0)
    if first is None or any(index not in parts for index in range(first.parts)):
        return None
    whole = _blank(first.roster)
    for index in range(first.parts):
        for kind in _KINDS:
            getattr(whole, kind).extend(getattr(parts[index].roster, kind))
    return StoredRoster(number, whole)


def _blank(roster: Roster) -> Roster:
    """An empty roster of the same log."""
    return Roster([], [], [], [], roster.epoch)


_KINDS = ("devices", "typing", "stops", "seen")

__all__ = ["PART_BYTES", "StoredRoster", "pack", "unpack"]
