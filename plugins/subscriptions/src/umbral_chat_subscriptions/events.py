"""An event: what a subscriber is sent, or given with a claim. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.entries import Entry
from umbral_chat.providers.edges import LogEnd


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a conversation, or the end of its log.

    `deleted`: the conversation was deleted; entries that were not delivered before are not any more. `restarted`: its
    log began anew, under another epoch, and its entries follow.
    """

    id: Annotated[
        str,
        Meta(description="The same each time that this event is delivered: what came twice can be dropped by it."),
    ]
    type: Literal["entry", "deleted", "restarted"]
    conversation: str
    cursor: Annotated[str, Meta(description="The cursor behind it: following the conversation from it goes on here.")]
    entry: Entry | None


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
    """The event of the end of a log."""
    cursor = START if end.successor is None else Cursor(end.successor, 0)
    return Event(
        id=_event_id(subscription, conversation, end.epoch, f"{end.kind} {end.successor or ''}"),
        type=end.kind,
        conversation=conversation,
        cursor=str(cursor),
        entry=None,
    )


def _event_id(*parts: str) -> str:
    # No id, epoch or number has a line break, so no two lists of parts are the same text.
    return "evt_" + blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


__all__ = ["Event", "end_event", "entry_event"]
