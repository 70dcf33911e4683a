"""Entries: the numbered items of a log, one Struct a kind, told apart by their `kind`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Role = Literal["user", "assistant", "agent", "system"]
"""Who speaks: a visitor, the bot, a human operator, or the machinery."""

Status = Literal["open", "closed"]
Responder = Literal["assistant", "human"]
RealtimeChoice = Literal["inherit", "off"]


SEEN = "Seen by whoever may read the conversation, visitors too."
"""Of a field that is easily taken for the operators' own. Whoever may read a conversation reads every entry whole."""

ClientId = Annotated[str | None, Meta(description=f"The idempotency key that it was written with. {SEEN}")]
Metadata = Annotated[dict[str, Any] | None, Meta(description=SEEN)]


class Sender(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who an entry is from, as readers see it."""

    role: Role
    id: Annotated[str | None, Meta(description="The subject of a token or user, or whom a service key named.")] = None
    name: Annotated[
        str | None,
        Meta(
            description="Set by the service that issued the token, added the member or sent in this name, never by the "
            "sender; one line, without characters that cannot be seen."
        ),
    ] = None


class Member(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Somebody who belongs to a conversation: `subject` is the principal's, `role` the one it speaks with there."""

    subject: Annotated[str, Meta(description=SEEN)]
    role: Role = "user"
    name: Annotated[str | None, Meta(description="As whom its messages are shown; cleaned as a sender's.")] = None


class Changes(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What an update sets. An absent field is untouched; `title` and `metadata` may be set to null."""

    title: Annotated[str | UnsetType | None, Meta(description=SEEN)] = UNSET
    status: Status | UnsetType = UNSET
    responder: Responder | UnsetType = UNSET
    realtime: RealtimeChoice | UnsetType = UNSET
    metadata: Annotated[dict[str, Any] | UnsetType | None, Meta(description=SEEN)] = UNSET
    members: Annotated[list[Member] | UnsetType, Meta(description=SEEN)] = UNSET

    @property
    def empty(self) -> bool:
        """Whether nothing is set."""
        return all(getattr(self, name) is UNSET for name in self.__struct_fields__)


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    seq: int
    """Number in the log: 1, 2, 3 … without gaps."""
    at: datetime
    """When it became durable, UTC; of an imported one, when it was written first. For display: what sorts, sweeps or
    scans goes by the time of writing, which the store keeps beside it."""
    sender: Sender
    client_id: ClientId = None
    """The idempotency key that it was written with, so that its sender recognizes its own."""
    imported: bool = False
    """It was said before, elsewhere, and moved here with the time that it had: nobody waits for an answer to it."""


class Message(_Entry, frozen=True, tag="message"):
    """Somebody said something."""

    message_id: str
    content: str
    reply_to: str | None = None
    metadata: Metadata = None
    redacted: bool = False
    """Blanked: content is empty and metadata is gone, here and in every copy that is read from now on."""


class Edit(_Entry, frozen=True, tag="edit"):
    """A message's whole new content and metadata: the newest edit alone tells what the message is now."""

    message_id: str
    content: str
    metadata: Metadata = None
    redacted: bool = False


class Redaction(_Entry, frozen=True, tag="redaction"):
    """The message and its edits were blanked in the transaction that appended this."""

    message_id: str


class Update(_Entry, frozen=True, tag="update"):
    """Something of the conversation itself changed."""

    changes: Changes


Entry = Message | Edit | Redaction | Update


class FoldedMessage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message as it is now: the entries that concern it, applied."""

    seq: int
    """Seq of the message's own entry: its place in the history."""
    version: int
    """Seq of the last entry that changed it; only a higher one applies."""
    at: datetime
    sender: Sender
    message_id: str
    content: str
    client_id: ClientId = None
    reply_to: str | None = None
    metadata: Metadata = None
    edited_at: datetime | None = None
    redacted: bool = False
    imported: bool = False
    """Its own entry was imported."""


entry_encoder = msgspec.json.Encoder()
entry_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)

__all__ = [
    "SEEN",
    "Changes",
    "Edit",
    "Entry",
    "FoldedMessage",
    "Member",
    "Message",
    "RealtimeChoice",
    "Redaction",
    "Responder",
    "Role",
    "Sender",
    "Status",
    "Update",
    "entry_decoder",
    "entry_encoder",
]
