"""Writes: what a history numbers and makes durable."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from umbral_chat.model.authors import former
from umbral_chat.model.entries import Changes, Entry, Finish, RunOutcome, Sender

_NOT_THE_BODY = {"key", "epoch"}
_LEFT_OUT: dict[str, Any] = {"at": None, "redacted": False, "finish": None}
"""Fields that are left out of the fingerprint at these values, so that writes from before these fields have the
same."""

_sorted = msgspec.json.Encoder(order="sorted")


class _Write(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    conversation: str
    subject: str
    """The principal's author (`Principal.author`, kind and subject): the scope of the idempotency key, and what
    ownership is checked against."""
    sender: Sender
    key: str | None = None
    """Idempotency key, in the scope conversation × subject; kept as long as the conversation."""
    epoch: str | None = None
    """If given, the log must have this epoch (tokens are bound to one), else ConversationDeleted is raised."""
    at: datetime | None = None
    """The original time, UTC, of an entry of another log: the entry has it, and is marked as imported. It changes
    nothing else: not the conversation's last activity, and a user's message does not open a closed conversation."""

    def fingerprint(self) -> bytes:
        """A hash of 16 bytes, equal for equal bodies: with it a repeated key with another body is recognized."""
        # The author is not part of the body. The bare subject is included because older versions did: a repeat of a
        # write that one of them stored is still recognized.
        same = msgspec.structs.replace(self, subject=former(self.subject) or self.subject)
        fields = [(name, getattr(same, name)) for name in self.__struct_fields__ if name not in _NOT_THE_BODY]
        body = [value for name, value in fields if name not in _LEFT_OUT or value != _LEFT_OUT[name]]
        return blake2b(_sorted.encode([self.__struct_config__.tag, body]), digest_size=16).digest()


class WriteMessage(_Write, frozen=True, tag="message"):
    """Append a message. Without `message_id` the history generates one.

    A message with the id of one that ended as `interrupted`, by the same author, completes that one: it is stored as an
    edit of it. This holds without `finish` and `at`, and only until the interrupted message is changed.
    """

    content: str
    message_id: str | None = None
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None
    redacted: bool = False
    """With `at`: it was redacted in its original log; `content` is empty and there is no metadata."""
    finish: Finish | None = None
    """How its writing ended, where its text is not complete."""


class WriteEdit(_Write, frozen=True, tag="edit"):
    """Replace a message's content; its metadata too when given (`None` keeps what it has)."""

    message_id: str
    content: str
    metadata: dict[str, Any] | None = None
    own_only: bool = False
    """Only the message's author may edit it, else Forbidden (`not_your_message`) is raised."""
    redacted: bool = False
    """As `WriteMessage.redacted`."""


class WriteRedaction(_Write, frozen=True, tag="redaction"):
    """Blank a message and its edits."""

    message_id: str
    own_only: bool = False


class WriteUpdate(_Write, frozen=True, tag="update"):
    """Change the conversation itself. Changes that set the values it already has are still an entry."""

    changes: Changes


class WriteRun(_Write, frozen=True, tag="run"):
    """Append the end of a run. It opens no closed conversation."""

    run_id: str
    outcome: RunOutcome
    reason: str | None = None
    for_seq: int | None = None
    metadata: dict[str, Any] | None = None


Write = WriteMessage | WriteEdit | WriteRedaction | WriteUpdate | WriteRun


class Appended(msgspec.Struct, frozen=True):
    """The result of a write."""

    entry: Entry
    created: bool
    """False: the key was used before, nothing was written, and `entry` is the first entry (blanked if redacted
    since)."""
    epoch: str
    follow_ups: tuple[Entry, ...] = ()
    """Entries that the same transaction appended after it: a user's message reopens a closed conversation."""
    json: bytes | None = None
    """`entry` as `entry_encoder` encodes it, from a history that encoded it to store it; None: the caller does."""


__all__ = ["Appended", "Write", "WriteEdit", "WriteMessage", "WriteRedaction", "WriteRun", "WriteUpdate"]
