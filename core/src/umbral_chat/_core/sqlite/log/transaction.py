"""One write transaction: many operations, each seeing those before it, written with a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw
import msgspec

from umbral_chat._core.sqlite.engine.timestamps import from_micros, to_micros
from umbral_chat._core.sqlite.log.hashed_ids import HashedIds
from umbral_chat._core.sqlite.log.rows import KeyedEntry, Log
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model import entries
from umbral_chat.model.authors import former
from umbral_chat.model.ids import new_epoch
from umbral_chat.model.writes import Write, WriteMessage

KINDS: dict[object, int] = {"message": 0, "edit": 1, "redaction": 2, "update": 3, "run": 4}
"""How `entry.kind` tells the kinds apart."""

_ROWS = 64
"""Rows in one INSERT: each number of rows up to this is a prepared statement of its own, kept in the cache."""

# Each join finds its conversation before what is wanted of it, so that one that many write to is found once.
_LOAD = """
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'conversation'), 0),
  coalesce((SELECT max(id) FROM body), 0),
  (SELECT json_group_array(json_array(j.key, json_array(
      c.id, c.epoch, c.head, c.redaction, c.at, c.created, c.status, c.responder, c.realtime, c.profile,
      c.assignee, c.user_last)))
    FROM json_each(?1) j CROSS JOIN conversation c ON c.hash = unhex(j.value)),
  (SELECT json_group_array(j.key)
    FROM json_each(?1) j CROSS JOIN tombstone t ON t.hash = unhex(j.value) WHERE t.until > ?4),
  (SELECT json_group_array(json_array(c.id, e.key, b.json, nullif(hex(b.fingerprint), '')))
    FROM json_each(?2) j
    CROSS JOIN conversation c ON c.hash = unhex(j.key)
    CROSS JOIN json_each(j.value) k
    CROSS JOIN entry e ON e.conversation = c.id AND e.key = k.value
    CROSS JOIN body b ON b.id = e.body),
  (SELECT json_group_array(json_array(c.id, e.message))
    FROM json_each(?3) j
    CROSS JOIN conversation c ON c.hash = unhex(j.key)
    CROSS JOIN json_each(j.value) m
    CROSS JOIN entry e ON e.conversation = c.id AND e.message = m.value)
"""

_INSERT_BODIES = ("INSERT INTO body (id, conversation, seq, json, fingerprint, name) VALUES ", "(?,?,?,?,?,?)", "")
_INSERT_ENTRIES = (
    "INSERT INTO entry (conversation, seq, kind, body, author, key, message, target) VALUES ",
    "(?,?,?,?,?,?,?,?)",
    "",
)
_LOG_COLUMNS = "id, epoch, head, redaction, at, created, status, responder, realtime, profile, assignee, user_last"
_INSERT_LOGS = (
    f"INSERT INTO conversation ({_LOG_COLUMNS}, hash) VALUES ",  # noqa: S608  # made of constants
    "(?,?,?,?,?,?,?,?,?,?,?,?,unhex(?))",
    "",
)
_UPDATE_LOGS = (
    f"WITH log ({_LOG_COLUMNS}) AS (VALUES ",
    "(?,?,?,?,?,?,?,?,?,?,?,?)",
    """) UPDATE conversation AS c SET head = log.head, redaction = log.redaction, at = log.at, status = log.status,
      responder = log.responder, realtime = log.realtime, profile = log.profile, assignee = log.assignee,
      user_last = log.user_last FROM log WHERE c.id = log.id""",
)


_logs = msgspec.json.Decoder(list[tuple[int, Log]])
_indexes = msgspec.json.Decoder(list[int])
_keyed = msgspec.json.Decoder(list[KeyedEntry])
_messages = msgspec.json.Decoder(list[tuple[int, int]])

_Hashes = Mapping[str, Sequence[int]]


class Transaction:
    """The state that the operations of a group work on, between the writer's BEGIN and COMMIT.

    `append` and `add_body` only remember; `flush` writes. Whoever reads entries by SQL flushes first.
    """

    def __init__(self, connection: apsw.Connection, ids: HashedIds, now: datetime) -> None:
        self.connection = connection
        self.ids = ids
        self.now = to_micros(now)
        self.entries = 0
        """Number of entries that were appended."""
        self._deferral: int | None = None
        self._logs: dict[str, Log | None] = {}
        self._deleted: set[str] = set()
        self._keyed: dict[tuple[int, int], KeyedEntry] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self._messages: set[tuple[int, int]] = set()
        self._last_body = self._last_log = -1
        self._bodies: list[Any] = []
        self._rows: list[Any] = []
        self._created: list[tuple[Log, str]] = []
        self._dirty: dict[int, Log] = {}
        self._time: tuple[int, datetime] = (-1, now)

    def load(self, writes: Iterable[Write]) -> None:
        """Look up everything that these writes name."""
        wanted: dict[str, str] = {}
        keys: dict[str, list[int]] = {}
        messages: dict[str, list[int]] = {}
        for write in writes:
            try:
                name = wanted[write.conversation] = self.ids.conversation(write.conversation)
                keys.setdefault(name, []).extend(self.keys(write))
                if isinstance(write, WriteMessage) and write.message_id is not None:
                    messages.setdefault(name, []).append(self.ids.message(write.message_id))
            except UnicodeEncodeError:
                pass  # it will fail by itself, alone
        self._load(wanted, keys, messages)

    def log(self, conversation: str) -> Log | None:
        """The conversation's row; None when it was never created. Raises ConversationDeleted."""
        log = self._log(conversation)
        if log is None and conversation in self._deleted:
            raise ConversationDeleted(conversation)
        return log

    def was_deleted(self, conversation: str) -> bool:
        """Whether there is a tombstone."""
        return self._log(conversation) is None and conversation in self._deleted

    def keys(self, write: Write) -> list[int]:
        """The hash of the write's key, then the one that an older version may have stored; empty: it has no key."""
        if write.key is None:
            return []
        bare = former(write.subject)
        return [self._key(one, write.key) for one in (write.subject, bare) if one is not None]

    def _key(self, subject: str, key: str) -> int:
        scoped = subject, key
        found = self._keys.get(scoped)
        if found is None:
            found = self._keys[scoped] = self.ids.key(*scoped)
        return found

    def entry_with_key(self, log: Log, key: int) -> KeyedEntry | None:
        """What was written with this idempotency key."""
        return self._keyed.get((log.id, key))

    def has_message(self, log: Log, message: int) -> bool:
        """Whether a chosen message id of this hash exists."""
        return (log.id, message) in self._messages

    def create(self, conversation: str) -> Log:
        """A new, empty log."""
        if self._last_body < 0:
            self._load({}, {}, {})
        self._last_log += 1
        profile = self.add_body(self._last_log, 0, "{}", name=conversation)
        log = Log(
            self._last_log, new_epoch(), 0, 0, self.now, self.now, "open", "assistant", "inherit", profile, None, 0
        )
        self._logs[conversation] = log
        self._deleted.discard(conversation)
        self._created.append((log, self.ids.conversation(conversation)))
        return log

    def mark_deleted(self, conversation: str, log: Log) -> None:
        """The log's row and text were removed: drop what was looked up of it."""
        self._logs[conversation] = None
        self._deleted.add(conversation)
        self._dirty.pop(log.id, None)

    def invalidate(self) -> None:
        """Rows were changed by other statements (after a flush): look them up again."""
        self._logs.clear()
        self._deleted.clear()

    def defer_reply(self, log: int = 0) -> None:
        """Answer the present operation only when what it removed is gone from the files too. The rows of `log` (0: of
        none) are removed first, after the commit."""
        self._deferral = log

    def take_deferral(self) -> int | None:
        """The `log` that the operation that just ran gave to `defer_reply`; None: it did not call it."""
        deferral, self._deferral = self._deferral, None
        return deferral

    def next_seq_and_time(self, log: Log) -> tuple[int, datetime]:
        """Seq and time of the log's next entry."""
        at = max(self.now, log.at)
        if self._time[0] != at:
            self._time = (at, from_micros(at))
        return log.head + 1, self._time[1]

    def append(
        self,
        log: Log,
        entry: entries.Entry,
        *,
        author: int | None = None,
        key: int | None = None,
        fingerprint: bytes | None = None,
        message: int | None = None,
        target: int | None = None,
    ) -> bytes:
        """Append `entry`, whose seq and time are those of `next_seq_and_time`; its JSON."""
        json = (encoded := entries.entry_encoder.encode(entry)).decode()
        body = self.add_body(log.id, entry.seq, json, fingerprint)
        self._rows += (log.id, entry.seq, KINDS[entry.__struct_config__.tag], body, author, key, message, target)
        if key is not None:
            self._keyed[log.id, key] = KeyedEntry(log.id, key, json, None if fingerprint is None else fingerprint.hex())
        if message is not None:
            self._messages.add((log.id, message))
        log.head = entry.seq
        log.at = max(self.now, log.at)
        self._dirty[log.id] = log
        self.entries += 1
        return encoded

    def add_body(self, log: int, seq: int, json: str, fingerprint: bytes | None = None, name: str | None = None) -> int:
        """Add a text to `body`; its id."""
        if self._last_body < 0:
            self._load({}, {}, {})
        self._last_body += 1
        self._bodies += (self._last_body, log, seq, json, fingerprint, name)
        return self._last_body

    def mark_blanked(self, log: Log, entry: entries.Entry) -> None:
        """The text of `entry` was removed: from now on a repeat of its key is answered with this blank `entry`."""
        for key, keyed in self._keyed.items():
            if key[0] == log.id and keyed.decoded().seq == entry.seq:
                self._keyed[key] = KeyedEntry(log.id, key[1], entries.entry_encoder.encode(entry).decode(), None)

    def flush(self) -> None:
        """Write what was remembered."""
        self._insert(_INSERT_BODIES, self._bodies)
        self._insert(_INSERT_ENTRIES, self._rows)
        if self._created:
            values: list[Any] = []
            for log, name in self._created:
                values += (*msgspec.structs.astuple(log), name)
                self._dirty.pop(log.id, None)
            self._insert(_INSERT_LOGS, values)
        if self._dirty:
            self._insert(
                _UPDATE_LOGS, [value for log in self._dirty.values() for value in msgspec.structs.astuple(log)]
            )
        self._bodies, self._rows, self._created, self._dirty = [], [], [], {}

    def _insert(self, statement: tuple[str, str, str], values: list[Any]) -> None:
        head, row, tail = statement
        width = row.count("?")
        for start in range(0, len(values), width * _ROWS):
            part = values[start : start + width * _ROWS]
            self.connection.execute(head + ",".join([row] * (len(part) // width)) + tail, part)

    def _log(self, conversation: str) -> Log | None:
        if conversation not in self._logs:
            self._load({conversation: self.ids.conversation(conversation)}, {}, {})
        return self._logs[conversation]

    def _load(self, conversations: Mapping[str, str], keys: _Hashes, messages: _Hashes) -> None:
        """Look up conversations, idempotency keys and chosen message ids, all by hash, in one step of SQLite: each step
        releases the interpreter lock, and beside a busy loop it may take the whole switch interval to get it back."""
        wanted = (msgspec.json.encode(hashes).decode() for hashes in (list(conversations.values()), keys, messages))
        last_log, last_body, logs, deleted, keyed, taken = self.connection.execute(_LOAD, (*wanted, self.now)).get
        if self._last_body < 0:
            self._last_log, self._last_body = last_log, last_body
        order = list(conversations)
        self._logs.update(dict.fromkeys(order))
        self._logs.update((order[index], log) for index, log in _logs.decode(logs))
        self._deleted.update(order[index] for index in _indexes.decode(deleted))
        self._keyed.update(((known.log, known.key), known) for known in _keyed.decode(keyed))
        self._messages.update(_messages.decode(taken))


__all__ = ["KINDS", "Transaction"]
