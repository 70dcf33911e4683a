"""Request bodies. An unknown field is an error that names it; `client_id` is the header `Idempotency-Key`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from umbral_chat.model.entries import (
    ASSIGNEE,
    SEEN,
    Changes,
    Finish,
    Member,
    RealtimeChoice,
    Responder,
    Role,
    RunOutcome,
    Sender,
    Status,
)
from umbral_chat.model.ids import ID_CHARACTERS, ID_LIMIT

Seq = Annotated[int, Meta(ge=1, le=2**53)]
"""The number of an entry."""

OriginalTime = Annotated[datetime, Meta(tz=True)]

AT = (
    "The original time of a message from elsewhere, with its zone; not in the future. Needs the right `import` and "
    "marks the entry `imported`: it is for display, and changes neither the order of the log nor the inbox."
)

FINISH = (
    "How its writing ended, where the text is not complete; left out, it is complete. Needs a service key with the "
    "right `send_as`."
)

Text = Annotated[str, Meta(description="Text in any script; no NUL.")]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SendBody(_Body, frozen=True, kw_only=True):
    """A message to append."""

    content: Annotated[
        str | None,
        Meta(
            description="The text. May be empty or left out where `metadata.attachments` is not empty.",
            examples=["Hello, is my order on its way?"],
        ),
    ] = None
    sender: Annotated[Sender | None, Meta(description="The sender; a key without `send_as` may leave it out.")] = None
    client_id: Annotated[
        str | None, Meta(description=f"Idempotency key: a repeat is answered with the first entry. {SEEN}")
    ] = None
    message_id: Annotated[str | None, Meta(description="The message's id; generated when left out.")] = None
    reply_to: Annotated[str | None, Meta(description="Id of the message that this one replies to.")] = None
    metadata: Annotated[
        dict[str, Any] | None,
        Meta(description="Any further data. `attachments`: a list of `{url or id, name?, type?, size?}`. " + SEEN),
    ] = None
    at: Annotated[OriginalTime | None, Meta(description=AT)] = None
    finish: Annotated[Finish | None, Meta(description=FINISH)] = None


class ImportBody(_Body, frozen=True, kw_only=True):
    """An entry of another log, as `GET …/events` or `umbral-chat export` returned it, without `seq`. Its fields depend
    on `kind`."""

    kind: Literal["message", "edit", "redaction", "update", "run"]
    at: Annotated[OriginalTime, Meta(description="When it was first written; not in the future.")]
    sender: Sender
    message_id: Annotated[str | None, Meta(description="Of all kinds but `update` and `run`.")] = None
    content: Annotated[str | None, Meta(description="Of a message or an edit; empty where it is redacted.")] = None
    reply_to: Annotated[str | None, Meta(description="Of a message.")] = None
    metadata: Annotated[dict[str, Any] | None, Meta(description="Of a message, an edit or a run.")] = None
    redacted: Annotated[bool, Meta(description="Of a message or an edit that was redacted there.")] = False
    finish: Annotated[Finish | None, Meta(description=f"Of a message. {FINISH}")] = None
    changes: Annotated[Changes | None, Meta(description="Of an update.")] = None
    run_id: Annotated[str | None, Meta(description="Of a run.")] = None
    outcome: Annotated[RunOutcome | None, Meta(description="Of a run.")] = None
    reason: Annotated[str | None, Meta(description="Of a run.")] = None
    for_seq: Annotated[Seq | None, Meta(description="Of a run.")] = None
    client_id: Annotated[
        str | None, Meta(description="Idempotency key: a repeat is answered with the first entry.")
    ] = None


class EditBody(_Body, frozen=True, kw_only=True):
    """The whole new content of a message."""

    content: Annotated[str, Meta(description="The new text. May be empty where `metadata` has attachments.")]
    metadata: Annotated[dict[str, Any] | None, Meta(description="New metadata; left out, it stays.")] = None
    client_id: str | None = None


class ConversationBody(_Body, frozen=True, kw_only=True):
    """A conversation to make, update or revive."""

    id: Annotated[str | None, Meta(description=f"1–{ID_LIMIT} of {ID_CHARACTERS}; generated when left out.")] = None
    title: Annotated[str | UnsetType | None, Meta(description=SEEN)] = UNSET
    metadata: Annotated[dict[str, Any] | UnsetType | None, Meta(description=SEEN)] = UNSET
    members: Annotated[list[Member] | UnsetType, Meta(description=SEEN)] = UNSET
    client_id: str | None = None


class PatchBody(_Body, frozen=True, kw_only=True):
    """The changes of a conversation; a field that is left out stays as it is."""

    title: Annotated[str | UnsetType | None, Meta(description=SEEN)] = UNSET
    metadata: Annotated[dict[str, Any] | UnsetType | None, Meta(description=SEEN)] = UNSET
    status: Status | UnsetType = UNSET
    responder: Annotated[
        Responder | UnsetType,
        Meta(
            description="`human` together with an `assignee` takes the conversation over, which is refused while "
            "another has it. `assistant` gives it back, which also clears `assignee`."
        ),
    ] = UNSET
    assignee: Annotated[str | UnsetType | None, Meta(description=ASSIGNEE)] = UNSET
    realtime: RealtimeChoice | UnsetType = UNSET
    members: Annotated[list[Member] | UnsetType, Meta(description=SEEN)] = UNSET
    client_id: str | None = None


class TakeoverBody(_Body, frozen=True, kw_only=True):
    """Who takes the conversation over."""

    assignee: Annotated[
        str | None,
        Meta(description="The subject of the agent; left out, the caller. Another's needs the right `manage`."),
    ] = None
    client_id: str | None = None


class ReadBody(_Body, frozen=True, kw_only=True):
    """The seq up to which the caller has read."""

    seq: Annotated[int, Meta(ge=0, le=2**53)]
    receipt: Annotated[
        bool | None,
        Meta(
            description="Whether the others of the conversation see how far the caller has read, from now on. None: as "
            "before; at first they do not."
        ),
    ] = None


class DraftBody(_Body, frozen=True, kw_only=True):
    """A piece of a message that is being written."""

    message_id: str
    offset: Annotated[int, Meta(ge=0, le=2**53, description="Where the piece begins, in Unicode code points.")]
    text: Annotated[str, Meta(description="What is added. Empty: a sign of life.")]
    sender: Sender | None = None
    replace: Annotated[
        bool, Meta(description="The piece takes the place of everything from `offset` on, which may be earlier then.")
    ] = False


class TokenBody(_Body, frozen=True, kw_only=True):
    """A token for a visitor of one conversation."""

    conversation: str
    subject: Annotated[str, Meta(description="Identifies the visitor; the same in all its tokens.")]
    name: Annotated[
        str | None, Meta(description="The name that the visitor is shown with, which it cannot change.")
    ] = None
    role: Role = "user"
    rights: list[str] = msgspec.field(default_factory=lambda: ["read", "send"])
    ttl: Annotated[int, Meta(description="Seconds for which the token is valid.")] = 86_400


class SessionBody(_Body, frozen=True, kw_only=True):
    """An operator who signs in."""

    name: Annotated[str, Meta(description="The name that the operator's messages are shown with.")]


class RealtimeBody(_Body, frozen=True, kw_only=True):
    """The new state of the realtime toggle."""

    enabled: bool


__all__ = [
    "ConversationBody",
    "DraftBody",
    "EditBody",
    "ImportBody",
    "PatchBody",
    "ReadBody",
    "RealtimeBody",
    "SendBody",
    "Seq",
    "SessionBody",
    "TakeoverBody",
    "TokenBody",
]
