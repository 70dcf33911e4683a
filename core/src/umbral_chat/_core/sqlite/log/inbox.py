"""Reading conversations with their state: one, or a page of the inbox."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import apsw
import msgspec

from umbral_chat._core.sqlite.engine.timestamps import from_micros
from umbral_chat._core.sqlite.log.hashed_ids import HashedIds
from umbral_chat._core.sqlite.log.reads import PAGE, fold
from umbral_chat.errors import ConversationDeleted, InvalidRequest
from umbral_chat.model.authors import former
from umbral_chat.model.conversations import Conversation, InboxPage
from umbral_chat.model.depth import decode_stored
from umbral_chat.model.entries import Edit, Member, Message, RealtimeChoice, Redaction, Responder, Status

UNREAD = 1_000
"""Where counting unread messages ends: no reader needs a higher number."""

_LAST = "(SELECT e.seq FROM entry e WHERE e.conversation = c.id AND e.kind = 0 ORDER BY e.seq DESC LIMIT 1)"
_ROW = f"""json_array(
  p.name, c.epoch, c.head, c.status, c.responder, c.realtime, c.created, c.at, p.json,
  (SELECT b.json FROM entry e CROSS JOIN body b ON b.id = e.body WHERE e.conversation = c.id AND e.seq = {_LAST}),
  (SELECT b.json FROM entry e INDEXED BY entry_target CROSS JOIN body b ON b.id = e.body
    WHERE e.conversation = c.id AND e.target = {_LAST} ORDER BY e.seq DESC LIMIT 1),
  CASE WHEN ?1 IS NULL THEN 0 ELSE (SELECT count(*) FROM (
    SELECT 1 FROM entry e WHERE e.conversation = c.id AND e.kind = 0 AND e.author IS NOT ?1 AND e.author IS NOT ?6
    AND e.seq > coalesce((SELECT max(m.seq) FROM marker m WHERE m.conversation = c.id AND m.reader IN (?1, ?6)), 0)
    LIMIT {UNREAD})) END)"""  # noqa: S608  # made of constants

_ONE = f"""
SELECT EXISTS (SELECT 1 FROM tombstone WHERE hash = unhex(?2) AND until > ?3),
  (SELECT {_ROW} FROM conversation c CROSS JOIN body p ON p.id = c.profile WHERE c.hash = unhex(?2))
"""  # noqa: S608  # made of constants

_PAGE = f"""
SELECT CAST('[' || group_concat(room) || ']' AS BLOB) FROM (
  SELECT {_ROW} AS room FROM conversation c CROSS JOIN body p ON p.id = c.profile
  WHERE (?2 IS NULL OR c.status = ?2) AND c.at <= ?3 AND (c.at < ?3 OR p.name < ?4)
  ORDER BY c.at DESC, p.name DESC LIMIT ?5)
"""  # noqa: S608  # made of constants


class Profile(msgspec.Struct, omit_defaults=True):
    """The text of a conversation, besides its id and its entries."""

    title: str | None = None
    metadata: dict[str, Any] | None = None
    members: list[Member] = []


class _Row(msgspec.Struct, array_like=True):
    id: str
    epoch: str
    head: int
    status: Status
    responder: Responder
    realtime: RealtimeChoice
    created: int
    at: int
    profile: str
    last: str | None
    change: str | None
    unread: int


class _InboxCursor(msgspec.Struct, array_like=True):
    at: Annotated[int, msgspec.Meta(ge=0, lt=2**62)]
    id: str


_row = msgspec.json.Decoder(_Row)
_rows = msgspec.json.Decoder(list[_Row])
_profile = msgspec.json.Decoder(Profile)
_message = msgspec.json.Decoder(Message)
_change: msgspec.json.Decoder[Edit | Redaction] = msgspec.json.Decoder(Edit | Redaction)
_cursor = msgspec.json.Decoder(_InboxCursor)


def decode_profile(text: str) -> Profile:
    """The profile in a text of `body`."""
    return decode_stored(_profile, text)


def conversation(
    connection: apsw.Connection, ids: HashedIds, now: int, conversation: str, subject: str | None
) -> Conversation | None:
    """See `History.conversation`."""
    reader, bare = _reader(ids, subject)
    deleted, row = connection.execute(_ONE, (reader, ids.conversation(conversation), now, None, None, bare)).get
    if row is None and deleted:
        raise ConversationDeleted(conversation)
    return None if row is None else _conversation(_row.decode(row))


def conversations(
    connection: apsw.Connection,
    ids: HashedIds,
    limit: int,
    before: str | None,
    status: Status | None,
    subject: str | None,
) -> InboxPage:
    """See `History.conversations`."""
    reader, bare = _reader(ids, subject)
    start = _InboxCursor(2**62, "") if before is None else _decode_cursor(before)
    limit = max(0, min(limit, PAGE))
    found = connection.execute(_PAGE, (reader, status, start.at, start.id, limit + 1, bare)).get
    rows = [] if found is None else _rows.decode(found)
    page = rows[:limit]
    more = len(rows) > limit and bool(page)
    return InboxPage([_conversation(row) for row in page], _encode_cursor(page[-1]) if more else None)


def _reader(ids: HashedIds, subject: str | None) -> tuple[int | None, int | None]:
    """The hash under which a reader is stored, and the one that an older version may have stored: the same where the
    two do not differ."""
    if subject is None:
        return None, None
    return ids.subject(subject), ids.subject(former(subject) or subject)


def _conversation(row: _Row) -> Conversation:
    profile = decode_profile(row.profile)
    last = None
    if row.last is not None:
        change = None if row.change is None else decode_stored(_change, row.change)
        last = fold(decode_stored(_message, row.last), change)
    return Conversation(
        id=row.id,
        epoch=row.epoch,
        head=row.head,
        status=row.status,
        responder=row.responder,
        realtime=row.realtime,
        title=profile.title,
        metadata=profile.metadata,
        members=profile.members,
        created_at=from_micros(row.created),
        last_activity=from_micros(row.at),
        last_message=last,
        unread=row.unread,
    )


def _encode_cursor(row: _Row) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_InboxCursor(row.at, row.id))).decode("ascii").rstrip("=")


def _decode_cursor(before: str) -> _InboxCursor:
    try:
        text = before.encode("ascii")
        cursor = _cursor.decode(base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise InvalidRequest(
            "before is not a place in the inbox. Send back a `before` exactly as it was given.",
            code="invalid_cursor",
            field="before",
        ) from error
    return cursor


__all__ = ["UNREAD", "Profile", "conversation", "conversations", "decode_profile"]
