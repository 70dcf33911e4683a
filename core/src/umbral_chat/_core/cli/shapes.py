"""The least that an answer of the service holds, as the commands need it. A newer service may say more.

What does not fit is no answer of an Umbral Chat service, whatever its status says: many a service answers any path with
some JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec


class EntryShape(msgspec.Struct):
    """An entry, of whichever kind."""

    seq: int
    kind: str


class EventsShape(msgspec.Struct):
    """A page of a log, or with a snapshot its folded end."""

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


class SentShape(msgspec.Struct):
    """What became of a send."""

    entry: MessageShape
    created: bool


class WrittenShape(msgspec.Struct):
    """What became of a write of any kind."""

    entry: EntryShape
    created: bool


class RoomShape(msgspec.Struct):
    """A conversation."""

    id: str
    last_activity: str


class InboxShape(msgspec.Struct):
    """A page of the inbox."""

    conversations: list[RoomShape]
    before: str | None = None


class MadeShape(msgspec.Struct):
    """A conversation, just made or changed."""

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
    """A turn of a transcript in the form `openai`."""

    role: str
    content: str


__all__ = [
    "EntryShape",
    "EventsShape",
    "InboxShape",
    "MadeShape",
    "MessageShape",
    "PromptTurn",
    "RoomShape",
    "SentShape",
    "StatusShape",
    "ToggleShape",
    "TokenShape",
    "TranscriptShape",
    "WrittenShape",
]
