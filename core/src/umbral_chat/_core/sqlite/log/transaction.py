"""One write transaction: many operations, each seeing those before it, written with a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import apsw
import msgspec

from umbral_chat._core.sqlite.engine.timestamps import micros, moment
from umbral_chat._core.sqlite.log import logs
from umbral_chat._core.sqlite.log.hashed_ids import Names
from umbral_chat._core.sqlite.log.logs import Known, Log, Profile
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.authors import former
from umbral_chat.model.depth import decode_stored
from umbral_chat.model.entries import Edit, Entry, Message, Redaction, Update, entry_encoder
from umbral_chat.model.ids import new_epoch
from umbral_chat.model.writes import Write, WriteMessage

KINDS: dict[type[Entry], int] = {Message: 0, Edit: 1, Redaction: 2, Update: 3}
"""How `entry.kind` tells the kinds apart."""

_ROWS = 64
"""Rows in one INSERT: each number of rows up to this is a prepared statement of its own, kept in the cache."""

_BODY = ("INSERT INTO body (id, conversation, seq, json, fingerprint, name) VALUES ", "(?,?,?,?,?,?)", "")
_ENTRY = (
    "INSERT INTO entry (conversation, seq, kind, body, author, key, message, target) VALUES ",
    "(?,?,?,?,?,?,?,?)",
    "",
)
_MAKE = (
    "INSERT INTO conversation (id,epoch,head,redaction,at,created,status,responder,realtime,profile,hash) VALUES ",
    "(?,?,?,?,?,?,?,?,?,?,unhex(?))",
    "",
)
_SAVE = (
    "WITH log (id, epoch, head, redaction, at, created, status, responder, realtime, profile) AS (VALUES ",
    "(?,?,?,?,?,?,?,?,?,?)",
    """) UPDATE conversation AS c SET head = log.head, redaction = log.redaction, at = log.at, status = log.status,
      responder = log.responder, realtime = log.realtime, profile = log.profile FROM log WHERE c.id = log.id""",
)


class Transaction:
    """The state that operations of a group work on. Everything happens between the writer's BEGIN and COMMIT.

    `put` only remembers; `flush` writes. Who reads entries by SQL flushes first.
    """

    def __init__(self, connection: apsw.Connection, names: Names, now: datetime) -> None:
        self.connection = connection
        self.names = names
        self.now = micros(now)
        self.entries = 0
        """How many entries were appended."""
        self._erasure: int | None = None
        self._logs: dict[str, Log | None] = {}
        self._deleted: set[str] = set()
        self._known: dict[tuple[int, int], Known] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self._taken: set[tuple[int, int]] = set()
        self._body = self._conversation = -1
        self._bodies: list[Any] = []
        self._rows: list[Any] = []
        self._made: list[Any] = []
        self._dirty: dict[int, Log] = {}
        self._moment: tuple[int, datetime] = (-1, now)

    def load(self, writes: Iterable[Write]) -> None:
        """Look up everything that these writes name."""
        wanted: dict[str, str] = {}
        keys: dict[str, list[int]] = {}
        messages: dict[str, list[int]] = {}
        for write in writes:
            try:
                name = wanted[write.conversation] = self.names.conversation(write.conversation)
                keys.setdefault(name, []).extend(self.keys(write))
                if isinstance(write, WriteMessage) and write.message_id is not None:
                    messages.setdefault(name, []).append(self.names.message(write.message_id))
            except UnicodeEncodeError:
                pass  # it will fail by itself, alone
        loaded = logs.load(self.connection, list(wanted.values()), keys, messages, self.now)
        order = list(wanted)
        self._logs.update(dict.fromkeys(order))
        for index, log in loaded.logs:
            self._logs[order[index]] = log
        self._deleted.update(order[index] for index in loaded.deleted)
        for known in loaded.known:
            self._known[known.log, known.key] = known
        self._taken.update(loaded.taken)
        if self._body < 0:
            self._body, self._conversation = loaded.body, loaded.conversation

    def log(self, conversation: str) -> Log | None:
        """Where it stands; None when it was never made. Raises ConversationDeleted."""
        if conversation not in self._logs:
            self._load_one(conversation)
        log = self._logs[conversation]
        if log is None and conversation in self._deleted:
            raise ConversationDeleted(conversation)
        return log

    def was_deleted(self, conversation: str) -> bool:
        """Whether there is a tombstone."""
        if conversation not in self._logs:
            self._load_one(conversation)
        return self._logs[conversation] is None and conversation in self._deleted

    def keys(self, write: Write) -> list[int]:
        """What the write's key is stored as, and then as what an older version may have stored it; empty: it has
        none."""
        if write.key is None:
            return []
        bare = former(write.subject)
        return [self._key(one, write.key) for one in (write.subject, bare) if one is not None]

    def _key(self, subject: str, key: str) -> int:
        scoped = subject, key
        found = self._keys.get(scoped)
        if found is None:
            found = self._keys[scoped] = self.names.key(*scoped)
        return found

    def known(self, log: Log, key: int) -> Known | None:
        """What was written with this key."""
        return self._known.get((log.id, key))

    def taken(self, log: Log, message: int) -> bool:
        """Whether a chosen message id of this hash exists."""
        return (log.id, message) in self._taken

    def make(self, conversation: str) -> Log:
        """A new, empty log."""
        self._ready()
        self._conversation += 1
        profile = self.body(self._conversation, 0, "{}", name=conversation)
        log = Log(self._conversation, new_epoch(), 0, 0, self.now, self.now, "open", "assistant", "inherit", profile)
        self._logs[conversation] = log
        self._deleted.discard(conversation)
        self._made.append((log, self.names.conversation(conversation)))
        return log

    def forget(self, conversation: str, log: Log) -> None:
        """It was deleted: nothing of what was looked up holds any more."""
        self._logs[conversation] = None
        self._deleted.add(conversation)
        self._dirty.pop(log.id, None)

    def reload(self) -> None:
        """Rows were changed behind its back (after a flush): look them up again."""
        self._logs.clear()
        self._deleted.clear()

    def erases(self, log: int = 0) -> None:
        """The present operation's answer must wait until what it removed is gone from the files too; `log`: the rows of
        this one are to be removed first, after the commit."""
        self._erasure = log

    def take_erasure(self) -> int | None:
        """What the operation that just ran said by `erases`; None: nothing."""
        erasure, self._erasure = self._erasure, None
        return erasure

    def next(self, log: Log) -> tuple[int, datetime]:
        """Seq and time of the log's next entry."""
        at = max(self.now, log.at)
        if self._moment[0] != at:
            self._moment = (at, moment(at))
        return log.head + 1, self._moment[1]

    def put(
        self,
        log: Log,
        entry: Entry,
        *,
        author: int | None = None,
        key: int | None = None,
        fingerprint: bytes | None = None,
        message: int | None = None,
        target: int | None = None,
    ) -> None:
        """Append `entry`, which `next` numbered."""
        json = entry_encoder.encode(entry).decode()
        body = self.body(log.id, entry.seq, json, fingerprint)
        self._rows += (log.id, entry.seq, KINDS[type(entry)], body, author, key, message, target)
        if key is not None:
            self._known[log.id, key] = Known(log.id, key, json, None if fingerprint is None else fingerprint.hex())
        if message is not None:
            self._taken.add((log.id, message))
        log.head = entry.seq
        log.at = max(self.now, log.at)
        self._dirty[log.id] = log
        self.entries += 1

    def body(self, log: int, seq: int, json: str, fingerprint: bytes | None = None, name: str | None = None) -> int:
        """Add a text; its id."""
        self._ready()
        self._body += 1
        self._bodies += (self._body, log, seq, json, fingerprint, name)
        return self._body

    def blanked(self, log: Log, entry: Entry) -> None:
        """`entry` has no text any more: a repeat of its key is to be answered with it as it is here."""
        for key, known in self._known.items():
            if key[0] == log.id and known.decoded().seq == entry.seq:
                self._known[key] = Known(log.id, key[1], entry_encoder.encode(entry).decode(), None)

    def flush(self) -> None:
        """Write what was remembered."""
        self._insert(_BODY, self._bodies)
        self._insert(_ENTRY, self._rows)
        if self._made:
            values: list[Any] = []
            for log, name in self._made:
                values += (*msgspec.structs.astuple(log), name)
                self._dirty.pop(log.id, None)
            self._insert(_MAKE, values)
        if self._dirty:
            self._insert(_SAVE, [value for log in self._dirty.values() for value in msgspec.structs.astuple(log)])
        self._bodies, self._rows, self._made, self._dirty = [], [], [], {}

    def _insert(self, statement: tuple[str, str, str], values: list[Any]) -> None:
        head, row, tail = statement
        width = row.count("?")
        for start in range(0, len(values), width * _ROWS):
            part = values[start : start + width * _ROWS]
            self.connection.execute(head + ",".join([row] * (len(part) // width)) + tail, part)

    def _load_one(self, conversation: str) -> None:
        loaded = logs.load(self.connection, [self.names.conversation(conversation)], {}, {}, self.now)
        self._logs[conversation] = loaded.logs[0][1] if loaded.logs else None
        if loaded.deleted:
            self._deleted.add(conversation)
        if self._body < 0:
            self._body, self._conversation = loaded.body, loaded.conversation

    def _ready(self) -> None:
        if self._body < 0:
            loaded = logs.load(self.connection, [], {}, {}, self.now)
            self._body, self._conversation = loaded.body, loaded.conversation


def profile_of(transaction: Transaction, log: Log) -> Profile:
    """The conversation's text."""
    transaction.flush()
    text = transaction.connection.execute("SELECT json FROM body WHERE id = ?", (log.profile,)).get
    return decode_stored(_profile, text)


_profile = msgspec.json.Decoder(Profile)

__all__ = ["KINDS", "Transaction", "profile_of"]
