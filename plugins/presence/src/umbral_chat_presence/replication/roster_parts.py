"""Rosters in parts: a record of the shared store takes 64 KiB, and a roster may have more. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from umbral_chat.model.depth import decode_bounded

from umbral_chat_presence.state.roster import Roster

PART_BYTES = 60_000
"""Most bytes of a part: what is around it takes little of the rest."""


class _Part(msgspec.Struct, frozen=True, array_like=True):
    number: int
    index: int
    parts: int
    roster: Roster


class StoredRoster(msgspec.Struct, frozen=True):
    """A roster as it was read."""

    number: int
    roster: Roster


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Part)


def pack(roster: Roster, number: int) -> list[bytes]:
    """The values to store, one at least."""
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
    """What the values of one instance say together; None when the newest is not there whole (it is being written), or
    cannot be read."""
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
    """With nobody in it, of the same log."""
    return Roster([], [], [], [], roster.epoch)


_KINDS = ("devices", "typing", "stops", "seen")

__all__ = ["PART_BYTES", "StoredRoster", "pack", "unpack"]
