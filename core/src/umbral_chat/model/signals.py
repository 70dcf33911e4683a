"""Signals: what is ephemeral and not in the log."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import msgspec

from umbral_chat.model.entries import Role, Sender


class _Signal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="signal"):
    conversation: str


class Writer(msgspec.Struct, frozen=True, array_like=True):
    """Who writes a draft, as instances tell each other."""

    tag: str
    """Tells authors apart and names nobody."""
    trusted: bool
    """Whether it is a service key's: visitors and users take none of the places that those have."""

    @classmethod
    def of(cls, conversation: str, author: str, *, trusted: bool) -> Writer:
        """The writer that `author` (`Principal.author`) is in a conversation."""
        return cls(blake2b(f"{conversation}\0{author}".encode(), digest_size=12).hexdigest(), trusted)


class DraftSignal(_Signal, frozen=True, tag="draft"):
    """A message that is being written, whole so far: cumulative, so that a lost one costs nothing.

    An empty `text` with `ended` says that its producer fell silent or its entry came.
    """

    message_id: str
    text: str
    sender: Sender
    ended: bool = False
    writer: Writer | None = None
    """For other instances alone: it is left out of what clients are told."""


class ReadSignal(_Signal, frozen=True, tag="read"):
    """Somebody has read up to `seq`."""

    subject: str
    seq: int


class StatusSignal(_Signal, frozen=True, tag="status"):
    """How this conversation is delivered now; the one thing that readers are told about a failing transport."""

    mode: str
    reason: str


class PersonThere(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who is in a conversation, as everybody there may know it."""

    person: str
    """Opaque name that tells people of one conversation apart."""
    role: Role
    status: Literal["online", "away", "busy"]
    name: str | None = None


class PresenceSignal(_Signal, frozen=True, tag="presence"):
    """Who joined, left or changed since the last of these: for clients who listen on a channel of their own.

    As any signal it may be lost: what is true is what a poll says, whose version is `version` once they agree. With so
    many people that only `count` is told, `listed` is false and nobody is named.
    """

    version: str
    count: int
    joined: list[PersonThere] = []
    left: list[str] = []
    """Opaque names."""
    changed: list[PersonThere] = []
    listed: bool = True


class TypingSignal(_Signal, frozen=True, tag="typing"):
    """Somebody types, or stopped: for clients who listen on a channel of their own."""

    person: str
    """Opaque name, as in the presence list."""
    role: Role
    typing: bool
    name: str | None = None
    expires_in: float = 0.0
    """Seconds after which it is over when nothing more is heard."""


class RosterSignal(_Signal, frozen=True, tag="roster"):
    """What one instance knows of who is in a conversation: for the presence of other instances, and for nobody else.

    Cumulative, so that a lost one costs nothing: it replaces what the same instance told before of this conversation.
    """

    instance: str
    number: int
    """Rises with each change that this instance tells of this conversation."""
    roster: msgspec.Raw = msgspec.Raw(b"null")
    """What only the presence understands; null when it is too long to be told: it is to be read where it is stored."""


Signal = DraftSignal | ReadSignal | StatusSignal | PresenceSignal | TypingSignal | RosterSignal

CHANNEL_SIGNALS = (PresenceSignal, TypingSignal)
"""What instances have no use for: only clients on channels of their own are told it."""

signal_encoder = msgspec.json.Encoder()
signal_decoder: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)

Mode = Literal["local", "polling", "live"]
"""How entries of other instances arrive: not at all (this process is alone), by ticks, or pushed."""

__all__ = [
    "CHANNEL_SIGNALS",
    "DraftSignal",
    "Mode",
    "PersonThere",
    "PresenceSignal",
    "ReadSignal",
    "RosterSignal",
    "Signal",
    "StatusSignal",
    "TypingSignal",
    "Writer",
    "signal_decoder",
    "signal_encoder",
]
