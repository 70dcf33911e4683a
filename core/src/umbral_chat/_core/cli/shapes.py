"""The members that the commands need in the service's answers. A newer service may send more.

An answer that does not match is not from an Umbral Chat service, whatever its status: some servers answer any path with
some JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec


class EntryShape(msgspec.Struct):
    """An entry of any kind."""

    seq: int
    kind: str


class EventsShape(msgspec.Struct):
    """A page of a log's entries, or with `snapshot` its newest folded messages."""

    cursor: str
    has_more: bool
    head: int = 0
    entries: list[EntryShape] = []
    messages: list[Any] = []
    snapshot: bool = False


class MessageShape(msgspec.Struct):
    """The entry of a message."""

    seq: int
    message_id: str


class SendResultShape(msgspec.Struct):
    """The answer to a send."""

    entry: MessageShape
    created: bool


class WriteResultShape(msgspec.Struct):
    """The answer to a write of any kind."""

    entry: EntryShape
    created: bool


class ConversationShape(msgspec.Struct):
    """A conversation in the inbox."""

    id: str
    last_activity: str


class InboxShape(msgspec.Struct):
    """A page of the inbox."""

    conversations: list[ConversationShape]
    before: str | None = None


class ConversationIdShape(msgspec.Struct):
    """The answer to making or changing a conversation."""

    id: str


class TokenShape(msgspec.Struct):
    """A conversation token."""

    token: str
    expires_at: str


class StatusShape(msgspec.Struct):
    """The service's status."""

    mode: str


class ToggleShape(msgspec.Struct):
    """The realtime toggle."""

    enabled: bool


class TranscriptShape(msgspec.Struct):
    """A transcript as JSON."""

    conversation: str
    messages: list[Any]


class PromptTurn(msgspec.Struct):
    """A turn of a transcript in the format `openai`."""

    role: str
    content: str


__all__ = [
    "ConversationIdShape",
    "ConversationShape",
    "EntryShape",
    "EventsShape",
    "InboxShape",
    "MessageShape",
    "PromptTurn",
    "SendResultShape",
    "StatusShape",
    "ToggleShape",
    "TokenShape",
    "TranscriptShape",
    "WriteResultShape",
]
