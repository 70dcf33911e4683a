"""A conversation as a whole, and pages of what it holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Entry, FoldedMessage, Member, RealtimeChoice, Responder, Status


class Head(msgspec.Struct, frozen=True):
    """The head of a log: its epoch and highest seq."""

    epoch: str
    seq: int
    redaction: int = 0
    """Seq of the newest redaction: a cached copy from before it may have content that must not be shown."""


class Deleted(msgspec.Struct, frozen=True):
    """In place of a head: the conversation was deleted, and its tombstone is still kept."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation, its state folded from the log's updates. `unread` counts messages past the subject's read
    marker."""

    id: str
    epoch: str
    head: int
    status: Status = "open"
    responder: Responder = "assistant"
    assignee: str | None = None
    realtime: RealtimeChoice = "inherit"
    title: str | None = None
    metadata: dict[str, Any] | None = None
    members: list[Member] = []
    created_at: datetime
    last_activity: datetime
    last_message: FoldedMessage | None = None
    unread: int = 0

    @property
    def cursor(self) -> Cursor:
        """The cursor of a reader that has read all of it."""
        return Cursor(self.epoch, self.head)


class LogPage(msgspec.Struct, frozen=True):
    """A contiguous run of entries, read in one snapshot together with the head. `head` None: never made."""

    head: Head | None
    entries: list[Entry]


class MessagePage(msgspec.Struct, frozen=True):
    """Folded messages in ascending order, read in one snapshot together with the head. `head` None: never made."""

    head: Head | None
    messages: list[FoldedMessage]
    has_more: bool
    """Whether there are more messages in the direction of reading."""


class InboxFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations of the inbox are looked for; of each field the default lets all pass, and what several ask
    for must all hold."""

    status: Status | None = None
    waiting: bool | None = None
    """Whether it is open and its last message is a user's, who waits for an answer."""
    assignee: str | UnsetType | None = UNSET
    """The subject of its assignee; None: it has none."""
    text: str | None = None
    """What its title or its id contains, upper and lower case being the same."""

    @property
    def status_alone(self) -> bool:
        """Whether nothing but the status is asked for."""
        return self.waiting is None and self.assignee is UNSET and self.text is None


class InboxPage(msgspec.Struct, frozen=True):
    """Conversations by last activity, newest first; `before` reads the next page. A page of a search may be shorter
    than its limit, or empty, and have a `before`: then only a part of the inbox was searched."""

    conversations: list[Conversation]
    before: str | None


__all__ = ["Conversation", "Deleted", "Head", "InboxFilter", "InboxPage", "LogPage", "MessagePage"]
