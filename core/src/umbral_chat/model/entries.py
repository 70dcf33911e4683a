"""Entries: the numbered items of a log, one Struct per `kind`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Role = Literal["user", "assistant", "agent", "system"]
"""The role of a sender: a visitor, the bot, a human operator, or the system itself."""

Status = Literal["open", "closed"]
Responder = Literal["assistant", "human"]
RealtimeChoice = Literal["inherit", "off"]
RunOutcome = Literal["completed", "cancelled", "failed"]
"""How a run ended."""

Finish = Literal["cancelled", "failed", "interrupted"]
"""How the writing of a message ended, where its text is not complete: it was cancelled, its producer failed, or its
producer fell silent."""


SEEN = "Seen by everyone who may read the conversation, visitors included."
"""Description of fields that could be mistaken for internal ones: every reader of a conversation gets whole entries."""

ASSIGNEE = f"The subject of the agent who has the conversation; null: nobody. It gives no right. {SEEN}"

ClientId = Annotated[str | None, Meta(description=f"The idempotency key that it was written with. {SEEN}")]
Metadata = Annotated[dict[str, Any] | None, Meta(description=SEEN)]
Finished = Annotated[
    Finish | None,
    Meta(description="How its writing ended, where its text is not complete. Absent: complete. An edit clears it."),
]


class Sender(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The sender of an entry, as readers see it."""

    role: Role
    id: Annotated[
        str | None, Meta(description="The subject of a token or user, or the id that a service key gave.")
    ] = None
    name: Annotated[
        str | None,
        Meta(
            description="Set by the service that issued the token, added the member or sent in this name, never by the "
            "sender; one line, without invisible characters."
        ),
    ] = None


class Member(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A member of a conversation: `subject` is the principal's, `role` the role of its messages there."""

    subject: Annotated[str, Meta(description=SEEN)]
    role: Role = "user"
    name: Annotated[
        str | None, Meta(description="The name that its messages are shown with; cleaned as a sender's.")
    ] = None


class Changes(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """The fields that an update sets. An absent field is unchanged; `title`, `metadata` and `assignee` may be set to
    null."""

    title: Annotated[str | UnsetType | None, Meta(description=SEEN)] = UNSET
    status: Status | UnsetType = UNSET
    responder: Responder | UnsetType = UNSET
    assignee: Annotated[str | UnsetType | None, Meta(description=ASSIGNEE)] = UNSET
    realtime: RealtimeChoice | UnsetType = UNSET
    metadata: Annotated[dict[str, Any] | UnsetType | None, Meta(description=SEEN)] = UNSET
    members: Annotated[list[Member] | UnsetType, Meta(description=SEEN)] = UNSET

    @property
    def empty(self) -> bool:
        """Whether no field is set."""
        return all(getattr(self, name) is UNSET for name in self.__struct_fields__)


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    seq: int
    """Number in the log: 1, 2, 3 … without gaps."""
    at: datetime
    """When it became durable, UTC; for an imported entry, when it was first written. For display only: sorting, sweeps
    and scans use the time of writing, which the store keeps separately."""
    sender: Sender
    client_id: ClientId = None
    """The idempotency key that it was written with, by which a sender recognizes its own entries."""
    imported: bool = False
    """It was written earlier, elsewhere, and was moved here with its original time: no answer to it is expected."""


class Message(_Entry, frozen=True, tag="message"):
    """A message."""

    message_id: str
    content: str
    reply_to: str | None = None
    metadata: Metadata = None
    redacted: bool = False
    """Redacted: the content is empty and the metadata removed, here and in every copy that is read from now on."""
    finish: Finished = None


class Edit(_Entry, frozen=True, tag="edit"):
    """A message's whole new content and metadata: the newest edit alone determines the message."""

    message_id: str
    content: str
    metadata: Metadata = None
    redacted: bool = False


class Redaction(_Entry, frozen=True, tag="redaction"):
    """The message and its edits were blanked in the transaction that appended this."""

    message_id: str


class Update(_Entry, frozen=True, tag="update"):
    """A change of the conversation itself."""

    changes: Changes


class Run(_Entry, frozen=True, tag="run"):
    """The end of a run that left no message: whoever waits for its answer may stop. It changes no message."""

    run_id: str
    outcome: RunOutcome
    reason: Annotated[str | None, Meta(description=f"Why it ended so: a code, or one line of text. {SEEN}")] = None
    for_seq: int | None = None
    """The seq of the entry that it was for."""
    metadata: Metadata = None


Entry = Message | Edit | Redaction | Update | Run


class FoldedMessage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message as it is now: its own entry with all edits and its redaction applied."""

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
    finish: Finished = None


entry_encoder = msgspec.json.Encoder()
entry_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)

__all__ = [
    "ASSIGNEE",
    "SEEN",
    "Changes",
    "Edit",
    "Entry",
    "Finish",
    "FoldedMessage",
    "Member",
    "Message",
    "RealtimeChoice",
    "Redaction",
    "Responder",
    "Role",
    "Run",
    "RunOutcome",
    "Sender",
    "Status",
    "Update",
    "entry_decoder",
    "entry_encoder",
]
