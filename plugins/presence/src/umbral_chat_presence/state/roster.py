"""Rosters: all that one instance says of one conversation, as it is told and stored."""

from __future__ import annotations

import msgspec
from umbral_chat.model.entries import Role

from umbral_chat_presence.state.device_state import DeviceState, Kind, person_key
from umbral_chat_presence.state.typists import TypingSpan


class LastSeen(msgspec.Struct, frozen=True, array_like=True):
    """Somebody who was here, and when it was last, in UTC ms."""

    at: int
    role: Role
    id: str | None
    name: str | None
    kind: Kind = ""

    @property
    def key(self) -> str:
        """Of the person."""
        return person_key(self.role, self.id, self.kind)


class TypingEnd(msgspec.Struct, frozen=True, array_like=True):
    """What this person began to type up to `stamp` is over, though another instance may not know."""

    stamp: int
    key: str


class Roster(msgspec.Struct, frozen=True, array_like=True):
    """What an instance says of a conversation. It replaces what the same instance said before."""

    devices: list[DeviceState] = []
    typing: list[TypingSpan] = []
    stops: list[TypingEnd] = []
    seen: list[LastSeen] = []
    """Who was here lately; stored, and not told in signals."""
    epoch: str = ""
    """Of the log that all of this is about; empty where that was not known, or there was none yet."""

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.devices or self.typing or self.stops or self.seen)

    @property
    def stamp(self) -> int:
        """The highest stamp in it."""
        stamps = [one.stamp for part in (self.devices, self.typing, self.stops) for one in part]
        return max(stamps, default=0)

    def concerns(self, epoch: str | None) -> bool:
        """Whether it may be about the log of this epoch."""
        return not self.epoch or epoch is None or self.epoch == epoch


EMPTY = Roster()

encoder = msgspec.json.Encoder()
decoder = msgspec.json.Decoder(Roster)

__all__ = ["EMPTY", "LastSeen", "Roster", "TypingEnd", "decoder", "encoder"]
