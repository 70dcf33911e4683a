"""An event: what a subscriber is sent, or given with a claim. Pure."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.entries import Entry
from umbral_chat.providers.edges import LogEnd

from umbral_chat_subscriptions.unread.rule import Reader


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a conversation, the end of its log, or an answer that a reader has not read.

    `deleted`: the conversation was deleted; entries that were not delivered before are not any more. `restarted`: its
    log began anew, under another epoch, and its entries follow. `unread`, of a subscription of that `kind` alone: the
    `entry` is the newest message of an assistant or agent, and `reader` has not read it.
    """

    id: Annotated[
        str,
        Meta(description="The same each time that this event is delivered: what came twice can be dropped by it."),
    ]
    type: Literal["entry", "deleted", "restarted", "unread"]
    conversation: str
    cursor: Annotated[str, Meta(description="The cursor behind it: following the conversation from it goes on here.")]
    entry: Entry | None
    reader: Annotated[Reader | UnsetType, Meta(description="With `unread`: who has not read it.")] = UNSET
    unread_since: Annotated[
        datetime | UnsetType,
        Meta(
            description="With `unread`: the time of the oldest message of an assistant or agent that they have not "
            "read."
        ),
    ] = UNSET
    unread: Annotated[
        int | UnsetType,
        Meta(description="With `unread`: how many of these they have not read, among the newest hundred messages."),
    ] = UNSET


def entry_event(subscription: str, conversation: str, epoch: str, entry: Entry) -> Event:
    """The event of an entry, for the subscription of this id."""
    return Event(
        id=_event_id(subscription, conversation, epoch, str(entry.seq)),
        type="entry",
        conversation=conversation,
        cursor=str(Cursor(epoch, entry.seq)),
        entry=entry,
    )


def end_event(subscription: str, conversation: str, end: LogEnd) -> Event:
    """The event of the end of a log.

    Its id is that of the log alone: what was delivered as `deleted`, and is delivered again because the answer was
    lost, may be `restarted` by then.
    """
    cursor = START if end.successor is None else Cursor(end.successor, 0)
    return Event(
        id=_event_id(subscription, conversation, end.epoch, "end"),
        type=end.kind,
        conversation=conversation,
        cursor=str(cursor),
        entry=None,
    )


def unread_event(
    subscription: str, conversation: str, epoch: str, entry: Entry, reader: Reader, since: datetime, count: int
) -> Event:
    """The event of an answer that a reader has not read."""
    return Event(
        id=_event_id(subscription, conversation, epoch, f"unread {entry.seq} {reader.subject}"),
        type="unread",
        conversation=conversation,
        cursor=str(Cursor(epoch, entry.seq)),
        entry=entry,
        reader=reader,
        unread_since=since,
        unread=count,
    )


def _event_id(*parts: str) -> str:
    # No id, subject, epoch or number has a line break, so no two lists of parts are the same text.
    return "evt_" + blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


__all__ = ["Event", "end_event", "entry_event", "unread_event"]
