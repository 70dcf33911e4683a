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
ROOM = f"""json_array(
  p.name, c.epoch, c.head, c.status, c.responder, c.realtime, c.created, c.at, p.json,
  (SELECT b.json FROM entry e CROSS JOIN body b ON b.id = e.body WHERE e.conversation = c.id AND e.seq = {_LAST}),
  (SELECT b.json FROM entry e INDEXED BY entry_target CROSS JOIN body b ON b.id = e.body
    WHERE e.conversation = c.id AND e.target = {_LAST} ORDER BY e.seq DESC LIMIT 1),
  CASE WHEN :reader IS NULL THEN 0 ELSE (SELECT count(*) FROM (
    SELECT 1 FROM entry e WHERE e.conversation = c.id AND e.kind = 0
    AND e.author IS NOT :reader AND e.author IS NOT :former AND e.seq > coalesce((
      SELECT max(m.seq) FROM marker m WHERE m.conversation = c.id AND m.reader IN (:reader, :former)), 0)
    LIMIT {UNREAD})) END)"""  # noqa: S608  # made of constants

_ONE = f"""
SELECT EXISTS (SELECT 1 FROM tombstone WHERE hash = unhex(:hash) AND until > :now),
  (SELECT {ROOM} FROM conversation c CROSS JOIN body p ON p.id = c.profile WHERE c.hash = unhex(:hash))
"""  # noqa: S608  # made of constants

ROOMS = "SELECT CAST('[' || group_concat(room) || ']' AS BLOB) FROM"
FROM = "FROM conversation c CROSS JOIN body p ON p.id = c.profile"
AFTER = "c.at <= :at AND (c.at < :at OR p.name < :id)"
ORDER = "ORDER BY c.at DESC, p.name DESC"

_PAGE = f"""
{ROOMS} (SELECT {ROOM} AS room {FROM} WHERE (:status IS NULL OR c.status = :status) AND {AFTER} {ORDER} LIMIT :limit)
"""  # made of constants


class Profile(msgspec.Struct, omit_defaults=True):
    """The text of a conversation, besides its id and its entries."""

    title: str | None = None
    metadata: dict[str, Any] | None = None
    members: list[Member] = []
    assignee: str | None = None


class Room(msgspec.Struct, array_like=True):
    """A conversation with its last message, as `ROOM` reads it."""

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


class InboxPlace(msgspec.Struct, array_like=True):
    """Where a page of the inbox ends: the conversation, and the time of its last activity."""

    at: Annotated[int, msgspec.Meta(ge=0, lt=2**62)]
    id: str

    def encode(self) -> str:
        """The opaque token that callers send back."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode("ascii").rstrip("=")

    @classmethod
    def decode(cls, before: str | None) -> InboxPlace:
        """The place of a token; None: before all. Raises InvalidRequest (`invalid_cursor`)."""
        if before is None:
            return cls(2**62 - 1, "")
        try:
            text = before.encode("ascii")
            return _place.decode(base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
        except (ValueError, binascii.Error, msgspec.DecodeError) as error:
            raise InvalidRequest(
                "before is not a place in the inbox. Send back a `before` exactly as it was given.",
                code="invalid_cursor",
                field="before",
            ) from error


_row = msgspec.json.Decoder(Room)
_rooms = msgspec.json.Decoder(list[Room])
_profile = msgspec.json.Decoder(Profile)
_message = msgspec.json.Decoder(Message)
_change: msgspec.json.Decoder[Edit | Redaction] = msgspec.json.Decoder(Edit | Redaction)
_place = msgspec.json.Decoder(InboxPlace)


def decode_profile(text: str) -> Profile:
    """The profile in a text of `body`."""
    return decode_stored(_profile, text)


def conversation(
    connection: apsw.Connection, ids: HashedIds, now: int, conversation: str, subject: str | None
) -> Conversation | None:
    """See `History.conversation`."""
    deleted, row = connection.execute(
        _ONE, {"hash": ids.conversation(conversation), "now": now, **reader(ids, subject)}
    ).get
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
    start, limit = InboxPlace.decode(before), max(0, min(limit, PAGE))
    rows = read_rooms(
        connection,
        _PAGE,
        {"status": status, "at": start.at, "id": start.id, "limit": limit + 1, **reader(ids, subject)},
    )
    return page_of(rows, limit)


def read_rooms(connection: apsw.Connection, statement: str, values: dict[str, Any]) -> list[Room]:
    """The rooms of a statement that begins with `ROOMS`."""
    found = connection.execute(statement, values).get
    return [] if found is None else _rooms.decode(found)


def page_of(rooms: list[Room], limit: int) -> InboxPage:
    """A page of the first `limit` rooms; a room beyond them says that there are more."""
    page = rooms[:limit]
    more = len(rooms) > limit and bool(page)
    return InboxPage(
        [_conversation(room) for room in page], InboxPlace(page[-1].at, page[-1].id).encode() if more else None
    )


def reader(ids: HashedIds, subject: str | None) -> dict[str, int | None]:
    """The hash under which a reader is stored, and the one that an older version may have stored: the same where the
    two do not differ. Values for `ROOM`."""
    if subject is None:
        return {"reader": None, "former": None}
    return {"reader": ids.subject(subject), "former": ids.subject(former(subject) or subject)}


def _conversation(row: Room) -> Conversation:
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
        assignee=profile.assignee,
        realtime=row.realtime,
        title=profile.title,
        metadata=profile.metadata,
        members=profile.members,
        created_at=from_micros(row.created),
        last_activity=from_micros(row.at),
        last_message=last,
        unread=row.unread,
    )


__all__ = [
    "AFTER",
    "FROM",
    "ORDER",
    "ROOM",
    "ROOMS",
    "UNREAD",
    "InboxPlace",
    "Profile",
    "Room",
    "conversation",
    "conversations",
    "decode_profile",
    "page_of",
    "read_rooms",
    "reader",
]
