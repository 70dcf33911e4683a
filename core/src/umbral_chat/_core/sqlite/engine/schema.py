"""Tables of the embedded store, and the numbered migrations that lead to them.

Where text may be, and why: SQLite's `secure_delete` wipes what is deleted, but when a b-tree is rebalanced the cells
that move leave their old copies in the gaps of their former pages, beyond the reach of any later deletion. So every
text and name that a caller sent lives in `body` alone, which is only ever appended to (SQLite then fills a new last
page and moves nothing) and blanked in place (a row that shrinks stays on its page). All other tables of the logs hold
numbers and keyed hashes, and may be rebalanced as SQLite likes. See `log/erasure.py` for how blanked rows are
reclaimed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import cast

import apsw
import msgspec

from umbral_chat._core.sqlite.engine.locking import write_transaction
from umbral_chat.model.depth import decode_stored
from umbral_chat.model.entries import Sender

APPLICATION_ID = 0x554D4243
"""`UMBC`: marks a file as ours."""

_LOGS = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- Append-only text: an entry's JSON, or (seq 0) a conversation's profile with the conversation's own id as `name`.
CREATE TABLE body (
  id INTEGER PRIMARY KEY, conversation INTEGER, seq INTEGER, json TEXT, fingerprint BLOB, name TEXT
) STRICT;

-- AUTOINCREMENT: the number of a deleted conversation whose rows are still being removed is never used again.
CREATE TABLE conversation (
  id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, epoch TEXT NOT NULL, head INTEGER NOT NULL,
  redaction INTEGER NOT NULL, at INTEGER NOT NULL, created INTEGER NOT NULL, status TEXT NOT NULL,
  responder TEXT NOT NULL, realtime TEXT NOT NULL, profile INTEGER NOT NULL
) STRICT;
CREATE INDEX conversation_activity ON conversation (at, status);

-- kind: see `entries.Kind`. author, key, message: keyed hashes. message: only ids that a caller chose.
-- target: seq of the message that an edit or redaction is about.
CREATE TABLE entry (
  conversation INTEGER NOT NULL, seq INTEGER NOT NULL, kind INTEGER NOT NULL, body INTEGER NOT NULL,
  author INTEGER, key INTEGER, message INTEGER, target INTEGER, PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entry_key ON entry (conversation, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX entry_message ON entry (conversation, message) WHERE message IS NOT NULL;
CREATE INDEX entry_target ON entry (conversation, target, seq) WHERE target IS NOT NULL;

CREATE TABLE marker (
  conversation INTEGER NOT NULL, reader INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (conversation, reader)
) STRICT, WITHOUT ROWID;
CREATE TABLE tombstone (hash BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Conversations that are deleted and whose rows are still being removed, slice by slice.
CREATE TABLE doomed (conversation INTEGER PRIMARY KEY) STRICT;
"""

_SHARED = """
CREATE TABLE record (
  namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, version INTEGER NOT NULL, expires INTEGER,
  PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
-- Highest version that a removed record of the namespace had: one that is made anew goes on from there.
CREATE TABLE floor (namespace TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE lease (
  name TEXT PRIMARY KEY, holder TEXT, token INTEGER NOT NULL, expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE signal (
  position INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL, at INTEGER NOT NULL
) STRICT;
"""


def _create(connection: apsw.Connection) -> None:
    connection.execute(_LOGS)
    connection.execute(_SHARED)
    connection.execute("INSERT INTO meta VALUES ('secret', ?), ('blank', 0)", (secrets.token_bytes(32),))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


_INBOX = """
-- assignee: keyed hash of a subject. user_last: whether the last message is a user's.
ALTER TABLE conversation ADD COLUMN assignee INTEGER;
ALTER TABLE conversation ADD COLUMN user_last INTEGER NOT NULL DEFAULT 0;
CREATE INDEX conversation_waiting ON conversation (at) WHERE status = 'open' AND user_last = 1;
CREATE INDEX conversation_assignee ON conversation (assignee, at) WHERE assignee IS NOT NULL;
"""

_LAST_MESSAGES = """
SELECT c.id, b.json FROM conversation c CROSS JOIN entry e CROSS JOIN body b
ON e.conversation = c.id AND b.id = e.body AND e.seq = (
  SELECT l.seq FROM entry l WHERE l.conversation = c.id AND l.kind = 0 ORDER BY l.seq DESC LIMIT 1)
WHERE c.id > ? ORDER BY c.id LIMIT 500
"""


class _Sent(msgspec.Struct):
    sender: Sender


_sent = msgspec.json.Decoder(_Sent)


def _add_operator_inbox(connection: apsw.Connection) -> None:
    connection.execute(_INBOX)
    last = 0
    while rows := cast("list[tuple[int, str]]", connection.execute(_LAST_MESSAGES, (last,)).fetchall()):
        # Decoded here: the JSON functions of SQLite refuse what is nested more than 1,000 levels deep, as an older
        # version stored it.
        users = [(log,) for log, json in rows if decode_stored(_sent, json).sender.role == "user"]
        connection.executemany("UPDATE conversation SET user_last = 1 WHERE id = ?", users)
        last = rows[-1][0]


Migration = Callable[[apsw.Connection], None]

MIGRATIONS: Sequence[Migration] = (_create, _add_operator_inbox)
"""Each brings a file from the version that is its index to the next one."""

VERSION = len(MIGRATIONS)


def migrate(connection: apsw.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the file to the newest version, each step whole or not at all; another process may be doing the same."""
    while connection.pragma("user_version") < len(migrations):
        with write_transaction(connection):
            version = connection.pragma("user_version")
            if version < len(migrations):
                migrations[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1}")


__all__ = ["APPLICATION_ID", "MIGRATIONS", "VERSION", "Migration", "migrate"]
