"""Reading conversations as a whole: one, or a page of the inbox."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import apsw
import msgspec

from umbral_chat._core.sqlite.engine.timestamps import moment
from umbral_chat._core.sqlite.log.hashed_ids import Names
from umbral_chat._core.sqlite.log.logs import Profile
from umbral_chat._core.sqlite.log.reads import PAGE, fold
from umbral_chat.errors import ConversationDeleted, InvalidRequest
from umbral_chat.model.authors import former
from umbral_chat.model.conversations import Conversation, InboxPage
from umbral_chat.model.depth import decode_stored
from umbral_chat.model.entries import Edit, Message, RealtimeChoice, Redaction, Responder, Status

UNREAD = 1_000
"""Where counting unread messages ends: past it the number tells nobody more."""

_LAST = "(SELECT e.seq FROM entry e WHERE e.conversation = c.id AND e.kind = 0 ORDER BY e.seq DESC LIMIT 1)"
_ROOM = f"""json_array(
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
  (SELECT {_ROOM} FROM conversation c CROSS JOIN body p ON p.id = c.profile WHERE c.hash = unhex(?2))
"""  # noqa: S608  # made of constants

_PAGE = f"""
SELECT CAST('[' || group_concat(room) || ']' AS BLOB) FROM (
  SELECT {_ROOM} AS room FROM conversation c CROSS JOIN body p ON p.id = c.profile
  WHERE (?2 IS NULL OR c.status = ?2) AND c.at <= ?3 AND (c.at < ?3 OR p.name < ?4)
  ORDER BY c.at DESC, p.name DESC LIMIT ?5)
"""  # noqa: S608  # made of constants


class _Room(msgspec.Struct, array_like=True):
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


class _Place(msgspec.Struct, array_like=True):
    at: Annotated[int, msgspec.Meta(ge=0, lt=2**62)]
    id: str


_room = msgspec.json.Decoder(_Room)
_rooms = msgspec.json.Decoder(list[_Room])
_profile = msgspec.json.Decoder(Profile)
_message = msgspec.json.Decoder(Message)
_change: msgspec.json.Decoder[Edit | Redaction] = msgspec.json.Decoder(Edit | Redaction)
_place = msgspec.json.Decoder(_Place)


def conversation(
    connection: apsw.Connection, names: Names, now: int, conversation: str, subject: str | None
) -> Conversation | None:
    """See `History.conversation`."""
    reader, bare = _reader(names, subject)
    deleted, row = connection.execute(_ONE, (reader, names.conversation(conversation), now, None, None, bare)).get
    if row is None and deleted:
        raise ConversationDeleted(conversation)
    return None if row is None else _conversation(_room.decode(row))


def conversations(
    connection: apsw.Connection,
    names: Names,
    limit: int,
    before: str | None,
    status: Status | None,
    subject: str | None,
) -> InboxPage:
    """See `History.conversations`."""
    reader, bare = _reader(names, subject)
    place = _Place(2**62, "") if before is None else _parse(before)
    limit = max(0, min(limit, PAGE))
    rows = connection.execute(_PAGE, (reader, status, place.at, place.id, limit + 1, bare)).get
    rooms = [] if rows is None else _rooms.decode(rows)
    page = rooms[:limit]
    more = len(rooms) > limit and bool(page)
    return InboxPage([_conversation(room) for room in page], _token(page[-1]) if more else None)


def _reader(names: Names, subject: str | None) -> tuple[int | None, int | None]:
    """As what a reader is stored, and as what an older version may have stored it: again the same where it did not
    differ."""
    if subject is None:
        return None, None
    return names.subject(subject), names.subject(former(subject) or subject)


def _conversation(room: _Room) -> Conversation:
    profile = decode_stored(_profile, room.profile)
    last = None
    if room.last is not None:
        change = None if room.change is None else decode_stored(_change, room.change)
        last = fold(decode_stored(_message, room.last), change)
    return Conversation(
        id=room.id,
        epoch=room.epoch,
        head=room.head,
        status=room.status,
        responder=room.responder,
        realtime=room.realtime,
        title=profile.title,
        metadata=profile.metadata,
        members=profile.members,
        created_at=moment(room.created),
        last_activity=moment(room.at),
        last_message=last,
        unread=room.unread,
    )


def _token(room: _Room) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Place(room.at, room.id))).decode("ascii").rstrip("=")


def _parse(before: str) -> _Place:
    try:
        text = before.encode("ascii")
        place = _place.decode(base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise InvalidRequest(
            "before is not a place in the inbox. Send back a `before` exactly as it was given.",
            code="invalid_cursor",
            field="before",
        ) from error
    return place


__all__ = ["UNREAD", "conversation", "conversations"]
