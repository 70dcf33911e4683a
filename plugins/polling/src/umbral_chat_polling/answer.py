"""The body of a poll's answer, put together from what is encoded already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from umbral_chat.drafts import DraftView
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Entry, FoldedMessage
from umbral_chat.providers.presence import PersonTyping, PresenceList

from umbral_chat_polling.told import Told

_encoder = msgspec.json.Encoder()


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """What follows a cursor, and how things stand. This is the answer as clients read it; `body` writes it."""

    entries: list[Entry]
    cursor: str
    head: int
    has_more: bool
    poll_after_ms: int
    mode: str
    signals: str
    """Version of `drafts` and `typing`, opaque: a client that hands it back with its next long poll is answered within
    a second if they are others by then."""
    drafts: list[DraftView] = []
    typing: list[PersonTyping] = []
    presence: PresenceList | None = None
    """Null when the client knows the list of this version, or nothing provides presence."""
    stale_since: datetime | None = None
    """The history does not answer since then: this is from memory, and there may be more."""
    snapshot: bool = False
    """`messages` are the newest ones: they replace the client's copy."""
    messages: list[FoldedMessage] = []


def body(
    *,
    lines: Sequence[EncodedEntry],
    cursor: Cursor,
    head: int,
    poll_after_ms: int,
    mode: str,
    told: Told,
    presence: PresenceList | None,
    known_presence: str | None = None,
    stale_since: datetime | None = None,
    messages: bytes | None = None,
) -> bytes:
    """An `Events` as JSON. `known_presence` is the version of the list that the client has; `messages` is an encoded
    list of folded messages, given only for a snapshot."""
    parts = [
        b'{"entries":[',
        b",".join([line.json for line in lines]),
        f'],"cursor":"{cursor}","head":{head},"has_more":{"true" if cursor.seq < head else "false"}'
        f',"poll_after_ms":{poll_after_ms},"mode":"{mode}","signals":"{told.version}"'.encode(),
        b',"drafts":%b,"typing":%b,"presence":' % (told.drafts, told.typing),
        b"null" if presence is None or presence.version == known_presence else _encoder.encode(presence),
    ]
    if stale_since is not None:
        parts += [b',"stale_since":', _encoder.encode(stale_since)]
    if messages is not None:
        parts += [b',"snapshot":true,"messages":', messages]
    parts.append(b"}")
    return b"".join(parts)


__all__ = ["Events", "body"]
