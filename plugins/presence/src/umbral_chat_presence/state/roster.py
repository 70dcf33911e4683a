"""Roster: the devices and typing of one instance in one conversation, as signalled and stored."""

from __future__ import annotations

import msgspec
from umbral_chat.model.entries import Role

from umbral_chat_presence.state.device_state import DeviceState, Kind, person_key
from umbral_chat_presence.state.typists import TypingSpan


class LastSeenRecord(msgspec.Struct, frozen=True, array_like=True):
    """A person who was present, and until when, in UTC ms."""

    at: int
    role: Role
    id: str | None
    name: str | None
    kind: Kind = ""

    @property
    def key(self) -> str:
        """The person's key."""
        return person_key(self.role, self.id, self.kind)


class TypingTombstone(msgspec.Struct, frozen=True, array_like=True):
    """A person's typing with a stamp up to `stamp` has ended, which another instance may not know."""

    stamp: int
    key: str


class Roster(msgspec.Struct, frozen=True, array_like=True):
    """An instance's state of a conversation. It replaces the earlier roster of the same instance."""

    devices: list[DeviceState] = []
    typing: list[TypingSpan] = []
    stops: list[TypingTombstone] = []
    seen: list[LastSeenRecord] = []
    """Who was present recently; stored, and left out of signals."""
    epoch: str = ""
    """The epoch of the log that this is about; empty where it was not known, or there was no log yet."""

    @property
    def empty(self) -> bool:
        """Whether it has no content."""
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

__all__ = ["EMPTY", "LastSeenRecord", "Roster", "TypingTombstone", "decoder", "encoder"]
