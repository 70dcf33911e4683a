"""Reading logs: each read is one statement, hence one snapshot, that returns its rows as one JSON value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from umbral_chat._core.sqlite.log.hashed_ids import HashedIds
from umbral_chat._core.sqlite.log.message_lookup import seq_of
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.authors import former
from umbral_chat.model.conversations import Deleted, Head, LogPage, MessagePage
from umbral_chat.model.depth import decode_stored
from umbral_chat.model.entries import Edit, Entry, FoldedMessage, Message, Redaction
from umbral_chat.model.fold import apply, folded

PAGE = 1_000
"""Most rows that one read returns, whatever the limit that it was given."""

_HEAD = """
SELECT c.epoch, c.head, c.redaction, EXISTS (SELECT 1 FROM tombstone WHERE hash = unhex(?1) AND until > ?2)
"""
_FROM = " FROM (SELECT 1) LEFT JOIN conversation c ON c.hash = unhex(?1)"

_READ = f"""{_HEAD},
  (SELECT CAST('[' || group_concat(json) || ']' AS BLOB) FROM (
    SELECT b.json FROM entry e CROSS JOIN body b ON b.id = e.body
    WHERE e.conversation = c.id AND e.seq > ?3 ORDER BY e.seq LIMIT ?4))
{_FROM}"""  # noqa: S608  # made of constants

_CHANGE = """(SELECT x.json FROM entry n INDEXED BY entry_target CROSS JOIN body x ON x.id = n.body
  WHERE n.conversation = e.conversation AND n.target = e.seq ORDER BY n.seq DESC LIMIT 1)"""

# The newest change alone decides what a message is: an edit holds the whole, and nothing follows a redaction.
_MESSAGES = """{head},
  (SELECT CAST('[' || group_concat(pair) || ']' AS BLOB) FROM (
    SELECT '[' || b.json || ',' || coalesce({change}, 'null') || ']' AS pair
    FROM entry e CROSS JOIN body b ON b.id = e.body
    WHERE e.conversation = c.id AND e.kind = 0 AND e.seq > ?3 AND e.seq < ?4 ORDER BY e.seq {order} LIMIT ?5))
{from_}"""
_FORWARD = _MESSAGES.format(head=_HEAD, change=_CHANGE, from_=_FROM, order="ASC")
_BACKWARD = _MESSAGES.format(head=_HEAD, change=_CHANGE, from_=_FROM, order="DESC")

_HEADS = """
SELECT
  (SELECT json_group_array(json_array(j.key, c.epoch, c.head, c.redaction))
    FROM json_each(?1) j CROSS JOIN conversation c ON c.hash = unhex(j.value)),
  (SELECT json_group_array(j.key)
    FROM json_each(?1) j CROSS JOIN tombstone t ON t.hash = unhex(j.value) WHERE t.until > ?2)
"""

_entries = msgspec.json.Decoder(list[Entry])
_pair = tuple[Message, Edit | Redaction | None]
_pairs: msgspec.json.Decoder[list[tuple[Message, Edit | Redaction | None]]] = msgspec.json.Decoder(list[_pair])
_heads = msgspec.json.Decoder(list[tuple[int, str, int, int]])
_deleted = msgspec.json.Decoder(list[int])
_END = 2**62


def read(connection: apsw.Connection, ids: HashedIds, now: int, conversation: str, after: int, limit: int) -> LogPage:
    """See `History.read`."""
    bindings = (ids.conversation(conversation), now, min(after, _END), max(0, min(limit, PAGE)))
    head, rows = _query(connection, _READ, bindings, conversation)
    return LogPage(head, [] if rows is None else decode_stored(_entries, rows))


def messages(
    connection: apsw.Connection,
    ids: HashedIds,
    now: int,
    conversation: str,
    after: int | None,
    before: int | None,
    limit: int,
) -> MessagePage:
    """See `History.messages`."""
    limit = max(0, min(limit, PAGE))
    statement = _BACKWARD if after is None else _FORWARD
    low, high = (0 if after is None else min(after, _END)), (_END if before is None else min(before, _END))
    bindings = (ids.conversation(conversation), now, low, high, limit + 1)
    head, rows = _query(connection, statement, bindings, conversation)
    pairs = [] if rows is None else decode_stored(_pairs, rows)
    page = [fold(*pair) for pair in pairs[:limit]]
    if after is None:
        page.reverse()
    return MessagePage(head, page, len(pairs) > limit)


def message(
    connection: apsw.Connection, ids: HashedIds, now: int, conversation: str, message_id: str
) -> FoldedMessage | None:
    """See `History.message`."""
    # Its seq never changes, so the two statements need not be of one snapshot.
    name = ids.conversation(conversation)
    log = connection.execute("SELECT id FROM conversation WHERE hash = unhex(?)", (name,)).get
    seq = None if log is None else seq_of(connection, ids, log, message_id)
    low, high = (0, 0) if seq is None else (seq - 1, seq + 1)
    _, rows = _query(connection, _FORWARD, (name, now, low, high, 1), conversation)
    found = None if rows is None else fold(*decode_stored(_pairs, rows)[0])
    return found if found is not None and found.message_id == message_id else None


def written_by(
    connection: apsw.Connection, ids: HashedIds, conversation: str, seq: int, authors: Sequence[str]
) -> bool | None:
    """See `KnowsAuthors`."""
    author = connection.execute(
        "SELECT e.author FROM conversation c JOIN entry e ON e.conversation = c.id "
        "WHERE c.hash = unhex(?) AND e.seq = ?",
        (ids.conversation(conversation), min(seq, _END)),
    ).get
    return None if author is None else author in {ids.subject(one) for one in authors}


def read_markers(
    connection: apsw.Connection, ids: HashedIds, conversation: str, readers: Sequence[str]
) -> dict[str, int]:
    """See `KnowsReaders`. An author's marker may be an older version's, under its former name."""
    log = connection.execute("SELECT id FROM conversation WHERE hash = unhex(?)", (ids.conversation(conversation),)).get
    found: dict[str, int] = {}
    for reader in readers if log is not None else ():
        bare = former(reader)
        names = (ids.subject(reader), ids.subject(reader if bare is None else bare))
        seq = connection.execute(
            "SELECT max(seq) FROM marker WHERE conversation = ? AND reader IN (?, ?)", (log, *names)
        ).get
        if seq is not None:
            found[reader] = seq
    return found


def heads(
    connection: apsw.Connection, ids: HashedIds, now: int, conversations: Sequence[str]
) -> dict[str, Head | Deleted]:
    """See `History.heads`."""
    hashes = msgspec.json.encode([ids.conversation(name) for name in conversations]).decode()
    logs, deleted = connection.execute(_HEADS, (hashes, now)).get
    found: dict[str, Head | Deleted] = {conversations[index]: Deleted() for index in _deleted.decode(deleted)}
    for index, epoch, seq, redaction in _heads.decode(logs):
        found[conversations[index]] = Head(epoch, seq, redaction)
    return found


def fold(message: Message, change: Edit | Redaction | None) -> FoldedMessage:
    """The message as it is after its newest change."""
    state = {message.message_id: folded(message)}
    return apply(state, () if change is None else (change,))[message.message_id]


def _query(
    connection: apsw.Connection, statement: str, bindings: tuple[Any, ...], conversation: str
) -> tuple[Head | None, bytes | None]:
    epoch, seq, redaction, deleted, rows = connection.execute(statement, bindings).get
    if epoch is None and deleted:
        raise ConversationDeleted(conversation)
    return (None if epoch is None else Head(epoch, seq, redaction)), rows


__all__ = ["PAGE", "fold", "heads", "message", "messages", "read", "read_markers", "written_by"]
