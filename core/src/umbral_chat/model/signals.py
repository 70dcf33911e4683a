"""Signals: ephemeral events, which are not in the log."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import msgspec

from umbral_chat.model.entries import Role, Sender
from umbral_chat.model.runs import RunView


class _Signal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="signal"):
    conversation: str


class Writer(msgspec.Struct, frozen=True, array_like=True):
    """The author of a draft, as instances exchange it."""

    tag: str
    """Distinguishes authors without naming them: a hash."""
    trusted: bool
    """Whether it is a service key: visitors and users use none of the places of those."""

    @classmethod
    def of(cls, conversation: str, author: str, *, trusted: bool) -> Writer:
        """The writer that `author` (`Principal.author`) is in a conversation."""
        return cls(blake2b(f"{conversation}\0{author}".encode(), digest_size=12).hexdigest(), trusted)


class DraftSignal(_Signal, frozen=True, tag="draft"):
    """The whole text so far of a message that is being written: cumulative, so that a lost signal does no harm.

    An empty `text` with `ended`: the draft ended, because its entry was appended or its producer stopped.
    """

    message_id: str
    text: str
    sender: Sender
    ended: bool = False
    writer: Writer | None = None
    """For other instances only: clients do not receive it."""
    fence: int = 0
    """Rises when another instance takes the draft's pieces, or its text is cut. For other instances only."""


class RunSignal(_Signal, frozen=True, tag="run"):
    """All runs of a conversation that go on: cumulative, so that a lost signal does no harm.

    The progress of a run ends by itself at its `expires_at`, of which there is no signal.
    """

    version: int
    """Rises with each change of the conversation's runs: only a higher one applies."""
    runs: list[RunView] = []


class ReadSignal(_Signal, frozen=True, tag="read"):
    """The marker of a reader who allows receipts moved to `seq`. Cumulative, so that a lost signal does no harm.

    A `seq` of 0: from now on others do not see how far it has read.
    """

    subject: str
    seq: int
    role: Role = "user"
    name: str | None = None


class StatusSignal(_Signal, frozen=True, tag="status"):
    """How this conversation is delivered now: the only thing that readers notice of a failing transport."""

    mode: str
    reason: str


class PersonThere(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person who is present in a conversation, as everyone there may see it."""

    person: str
    """Opaque name that distinguishes the people of one conversation."""
    role: Role
    status: Literal["online", "away", "busy"]
    name: str | None = None


class PresenceSignal(_Signal, frozen=True, tag="presence"):
    """Who joined, left or changed since the last such signal: for clients on channels of their own.

    As any signal it may be lost: a poll returns the authoritative list, whose version equals `version` once they agree.
    With so many people that only `count` is reported, `listed` is false and no person is named.
    """

    version: str
    count: int
    joined: list[PersonThere] = []
    left: list[str] = []
    """Opaque names."""
    changed: list[PersonThere] = []
    listed: bool = True


class TypingSignal(_Signal, frozen=True, tag="typing"):
    """A person began or stopped typing: for clients on channels of their own."""

    person: str
    """Opaque name, as in the presence list."""
    role: Role
    typing: bool
    name: str | None = None
    expires_in: float = 0.0
    """Seconds after which the typing ends unless another such signal arrives."""


class RosterSignal(_Signal, frozen=True, tag="roster"):
    """What one instance knows of who is in a conversation: only for the presence of other instances.

    Cumulative, so that a lost signal does no harm: it replaces the earlier ones of the same instance and conversation.
    """

    instance: str
    number: int
    """Rises with each change that this instance publishes for this conversation."""
    roster: msgspec.Raw = msgspec.Raw(b"null")
    """Opaque to all but the presence; null when it is too long for a signal, and has to be read from the store."""


Signal = DraftSignal | RunSignal | ReadSignal | StatusSignal | PresenceSignal | TypingSignal | RosterSignal

CHANNEL_SIGNALS = (PresenceSignal, TypingSignal)
"""Signals for clients on channels of their own only; instances do not use them."""

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
    "RunSignal",
    "Signal",
    "StatusSignal",
    "TypingSignal",
    "Writer",
    "signal_decoder",
    "signal_encoder",
]
