"""The frames of `/v1/ws`, both ways: JSON objects that `type` distinguishes. The AsyncAPI document is made of these."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from umbral_chat.model.requests import EditBody, SendBody
from umbral_chat.providers.presence_reports import PresenceBody, TypingBody

ID_CHARACTERS = 64
"""Longest id of a frame: a UUID has 36 characters."""

FrameId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=ID_CHARACTERS,
        description="Chosen by the client; the frame that answers this one has it, too.",
    ),
]
Room = Annotated[str, Meta(description="The conversation's id.")]


class _Frame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    pass


# From the client


class AuthFrame(_Frame, frozen=True, kw_only=True, tag="auth"):
    """The first frame, within five seconds: who the client is."""

    token: Annotated[
        str | None,
        Meta(
            description="A service key, a conversation token, or a user's token; left out where no keys are set, and "
            "in a page of this service whose operator has signed in."
        ),
    ] = None

    def __repr__(self) -> str:
        return "AuthFrame()"  # without the credential


class RenewFrame(_Frame, frozen=True, kw_only=True, tag="renew"):
    """A newer token of the same subject, before the one in use expires."""

    id: FrameId
    token: str

    def __repr__(self) -> str:
        return f"RenewFrame(id={self.id!r})"


class SubscribeFrame(_Frame, frozen=True, kw_only=True, tag="subscribe"):
    """Follow a conversation: what follows `after` comes first, and then everything as it happens."""

    id: FrameId
    conversation: Room
    after: Annotated[str | None, Meta(description="A cursor; left out: the beginning of the log.")] = None


class UnsubscribeFrame(_Frame, frozen=True, kw_only=True, tag="unsubscribe"):
    """Follow a conversation no more."""

    id: FrameId
    conversation: Room


class SendFrame(SendBody, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="send"):
    """Append a message. Its result says that it is durable."""

    id: FrameId
    conversation: Room


class EditFrame(EditBody, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="edit"):
    """Replace the content of a message."""

    id: FrameId
    conversation: Room
    message_id: str


class RedactFrame(_Frame, frozen=True, kw_only=True, tag="redact"):
    """Blank a message for good."""

    id: FrameId
    conversation: Room
    message_id: str
    client_id: Annotated[
        str | None, Meta(description="Idempotency key: a repeat is answered with the first entry.")
    ] = None


class TypingFrame(TypingBody, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="typing"):
    """A person types, or stopped."""

    id: FrameId | None = None
    conversation: Room


class PresenceFrame(
    PresenceBody, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="presence"
):
    """A device is here, or still is."""

    id: FrameId | None = None
    conversation: Room


class ReadFrame(_Frame, frozen=True, kw_only=True, tag="read"):
    """Raise the caller's read marker."""

    id: FrameId | None = None
    conversation: Room
    seq: Annotated[int, Meta(ge=0, le=2**53)]
    receipt: Annotated[
        bool | None, Meta(description="Whether others see how far the caller has read, from now on. None: as before.")
    ] = None


class PingFrame(_Frame, frozen=True, kw_only=True, tag="ping"):
    """Ask for a `pong`: a page cannot send the protocol's own pings."""

    id: FrameId | None = None


Command = (
    RenewFrame
    | SubscribeFrame
    | UnsubscribeFrame
    | SendFrame
    | EditFrame
    | RedactFrame
    | TypingFrame
    | PresenceFrame
    | ReadFrame
    | PingFrame
)
"""What a client may send after `auth`."""

CLIENT_FRAMES: tuple[type[msgspec.Struct], ...] = (
    AuthFrame,
    RenewFrame,
    SubscribeFrame,
    UnsubscribeFrame,
    SendFrame,
    EditFrame,
    RedactFrame,
    TypingFrame,
    PresenceFrame,
    ReadFrame,
    PingFrame,
)


# To the client


class _Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    pass


class SocketLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one socket may hold."""

    subscriptions: Annotated[int, Meta(description="Conversations followed at once.")]
    frame_bytes: Annotated[int, Meta(description="Largest frame that is read.")]


class ReadyFrame(_Sent, frozen=True, kw_only=True, tag="ready"):
    """The client is authenticated."""

    server_time: datetime
    expires_at: Annotated[
        datetime | None, Meta(description="When the token expires: renew it before, or be closed with 4401.")
    ] = None
    ping_ms: Annotated[int, Meta(description="Milliseconds after which a silent client should send a frame.")]
    limits: SocketLimits
    realtime: bool


class ResultFrame(_Sent, frozen=True, kw_only=True, tag="result"):
    """The frame with this id was carried out."""

    id: str
    result: Annotated[Any, Meta(description="As HTTP answers the same request.")]


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457), as HTTP answers them, and with `retry_after` in seconds for its header."""

    status: int
    code: str
    title: str
    detail: str
    field: str | None = None
    limit: float | None = None
    retry_after: int | None = None


class ErrorFrame(_Sent, frozen=True, kw_only=True, tag="error"):
    """The frame with this id was not carried out; without an id: a frame that had none, or that could not be read."""

    id: str | None = None
    error: Annotated[ProblemBody, Meta(description="With further members, as `expected` or `start`, by its code.")]


class EntryFrame(_Sent, frozen=True, kw_only=True, tag="entry"):
    """An entry of a conversation that is followed, in order and without gaps."""

    conversation: str
    cursor: Annotated[str, Meta(description="The cursor behind it: follow from here.")]
    entry: Annotated[dict[str, Any], Meta(description="As polls have it: its fields depend on `kind`.")]


class SignalFrame(_Sent, frozen=True, kw_only=True, tag="signal"):
    """What is not in the log: drafts, typing, presence, runs. A client ignores signals that it does not know."""

    conversation: str
    signal: Annotated[dict[str, Any], Meta(description="Its fields depend on `signal`.")]


class StatusFrame(_Sent, frozen=True, kw_only=True, tag="status"):
    """A subscription is open, or ends; without `conversation` the socket ends, and its close frame follows."""

    conversation: str | None = None
    status: Annotated[dict[str, Any], Meta(description="`state` is `open` or `closed`; see the table of codes.")]


class PongFrame(_Sent, frozen=True, kw_only=True, tag="pong"):
    """The answer to `ping`."""

    id: str | None = None


SERVER_FRAMES: tuple[type[msgspec.Struct], ...] = (
    ReadyFrame,
    ResultFrame,
    ErrorFrame,
    EntryFrame,
    SignalFrame,
    StatusFrame,
    PongFrame,
)

__all__ = [
    "CLIENT_FRAMES",
    "ID_CHARACTERS",
    "SERVER_FRAMES",
    "AuthFrame",
    "Command",
    "EditFrame",
    "EntryFrame",
    "ErrorFrame",
    "PingFrame",
    "PongFrame",
    "PresenceFrame",
    "ProblemBody",
    "ReadFrame",
    "ReadyFrame",
    "RedactFrame",
    "RenewFrame",
    "ResultFrame",
    "SendFrame",
    "SignalFrame",
    "SocketLimits",
    "StatusFrame",
    "SubscribeFrame",
    "TypingFrame",
    "UnsubscribeFrame",
]
