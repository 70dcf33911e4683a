"""Operations on a conversation as a whole, inside a write transaction."""

from __future__ import annotations

import apsw

from umbral_chat._core.sqlite.engine.timestamps import duration_micros
from umbral_chat._core.sqlite.log import inbox
from umbral_chat._core.sqlite.log.erasure import blank, clear_signals
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.model.authors import former
from umbral_chat.model.conversations import Conversation
from umbral_chat.model.ids import new_epoch

TOMBSTONE_TTL = duration_micros(30 * 86_400)
"""Microseconds for which a deletion is remembered: longer than any client retries."""


def ensure(transaction: Transaction, conversation: str) -> tuple[Conversation, bool]:
    """The conversation, created, or revived with a new epoch, when it is not there, and whether that was so. It is read
    in this transaction, before another operation can delete it again."""
    created = _create(transaction, conversation)
    transaction.flush()
    found = inbox.conversation(transaction.connection, transaction.ids, transaction.now, conversation, None)
    if found is None:
        raise AssertionError(f"{conversation!r} was just created or found, and is not there")
    return found, created


def _create(transaction: Transaction, conversation: str) -> bool:
    revived = transaction.was_deleted(conversation)
    if not revived and transaction.log(conversation) is not None:
        return False
    if revived:
        transaction.connection.execute(
            "DELETE FROM tombstone WHERE hash = unhex(?)", (transaction.ids.conversation(conversation),)
        )
    transaction.create(conversation)
    return True


def delete(transaction: Transaction, conversation: str) -> bool:
    """Make it unreadable at once, and schedule the removal of its rows, slice by slice, after the commit. False: there
    is no such conversation."""
    if transaction.was_deleted(conversation):
        return False
    log = transaction.log(conversation)
    if log is None:
        return False
    transaction.flush()
    connection = transaction.connection
    blank(connection, [log.profile])
    connection.execute("DELETE FROM conversation WHERE id = ?", (log.id,))
    connection.execute("INSERT INTO doomed VALUES (?)", (log.id,))
    connection.execute(
        "INSERT INTO tombstone VALUES (unhex(?1), ?2) ON CONFLICT (hash) DO UPDATE SET until = ?2",
        (transaction.ids.conversation(conversation), transaction.now + TOMBSTONE_TTL),
    )
    clear_signals(connection)
    transaction.mark_deleted(conversation, log)
    transaction.defer_reply(log.id)
    return True


def mark_read(transaction: Transaction, conversation: str, subject: str, seq: int) -> int:
    """Raise the subject's read marker to `seq`, at most to the head; the marker, which is 0 without a conversation."""
    log = transaction.log(conversation)
    if log is None:
        return 0
    bare = former(subject)
    if bare is not None:
        # It starts from the marker that an older version stored.
        row = transaction.connection.execute(
            "SELECT seq FROM marker WHERE conversation = ? AND reader = ?", (log.id, transaction.ids.subject(bare))
        ).get
        seq = max(seq, row or 0)
    marker: int = transaction.connection.execute(
        "INSERT INTO marker VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq) RETURNING seq",
        (log.id, transaction.ids.subject(subject), max(0, min(seq, log.head))),
    ).get
    return marker


def touch(transaction: Transaction) -> None:
    """Write a row that nothing reads, to see whether the store can be written."""
    transaction.connection.execute("INSERT OR REPLACE INTO meta VALUES ('touched', ?)", (transaction.now,))


def new_epochs(transaction: Transaction) -> int:
    """Draw a new epoch for every log; the number of logs."""
    transaction.flush()
    transaction.invalidate()
    return renew_epochs(transaction.connection)


def renew_epochs(connection: apsw.Connection) -> int:
    """Draw a new epoch for every log, and clear the mark of a restored copy; the number of logs."""
    logs = connection.execute("SELECT id FROM conversation").fetchall()
    connection.executemany("UPDATE conversation SET epoch = ? WHERE id = ?", ((new_epoch(), log) for (log,) in logs))
    connection.execute("DELETE FROM meta WHERE name = 'restored'")
    return len(logs)


__all__ = ["TOMBSTONE_TTL", "delete", "ensure", "mark_read", "new_epochs", "renew_epochs", "touch"]
