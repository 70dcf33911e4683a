"""Operations on a conversation as a whole, inside a write transaction."""

from __future__ import annotations

import apsw

from umbral_chat._core.sqlite.engine.timestamps import span
from umbral_chat._core.sqlite.log import inbox
from umbral_chat._core.sqlite.log.erasure import blank, clear_signals
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.model.authors import former
from umbral_chat.model.conversations import Conversation
from umbral_chat.model.ids import new_epoch

TOMBSTONE = span(30 * 86_400)
"""How long a deletion is remembered: longer than any client retries."""


def ensure(transaction: Transaction, conversation: str) -> tuple[Conversation, bool]:
    """The conversation, made or revived with a new epoch when it was not there, and whether it was made. It is read
    here, before anybody can delete it again."""
    made = _make(transaction, conversation)
    transaction.flush()
    found = inbox.conversation(transaction.connection, transaction.names, transaction.now, conversation, None)
    if found is None:
        raise AssertionError(f"{conversation!r} was just made or found, and is not there")
    return found, made


def _make(transaction: Transaction, conversation: str) -> bool:
    revived = transaction.was_deleted(conversation)
    if not revived and transaction.log(conversation) is not None:
        return False
    if revived:
        transaction.connection.execute(
            "DELETE FROM tombstone WHERE hash = unhex(?)", (transaction.names.conversation(conversation),)
        )
    transaction.make(conversation)
    return True


def delete(transaction: Transaction, conversation: str) -> bool:
    """Take it away from every reader at once; its rows are removed after the commit, slice by slice."""
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
        (transaction.names.conversation(conversation), transaction.now + TOMBSTONE),
    )
    clear_signals(connection)
    transaction.forget(conversation, log)
    transaction.erases(log.id)
    return True


def mark_read(transaction: Transaction, conversation: str, subject: str, seq: int) -> int:
    """Raise the subject's marker; what it is now."""
    log = transaction.log(conversation)
    if log is None:
        return 0
    bare = former(subject)
    if bare is not None:
        # It goes on from where an older version left it.
        row = transaction.connection.execute(
            "SELECT seq FROM marker WHERE conversation = ? AND reader = ?", (log.id, transaction.names.subject(bare))
        ).get
        seq = max(seq, row or 0)
    marker: int = transaction.connection.execute(
        "INSERT INTO marker VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq) RETURNING seq",
        (log.id, transaction.names.subject(subject), max(0, min(seq, log.head))),
    ).get
    return marker


def touch(transaction: Transaction) -> None:
    """Write something that says nothing."""
    transaction.connection.execute("INSERT OR REPLACE INTO meta VALUES ('touched', ?)", (transaction.now,))


def new_epochs(transaction: Transaction) -> int:
    """A new epoch for every log; how many there were."""
    transaction.flush()
    transaction.reload()
    return renew(transaction.connection)


def renew(connection: apsw.Connection) -> int:
    """A new epoch for every log, and whatever asked for it is done."""
    logs = connection.execute("SELECT id FROM conversation").fetchall()
    connection.executemany("UPDATE conversation SET epoch = ? WHERE id = ?", ((new_epoch(), log) for (log,) in logs))
    connection.execute("DELETE FROM meta WHERE name = 'restored'")
    return len(logs)


__all__ = ["TOMBSTONE", "delete", "ensure", "mark_read", "new_epochs", "renew"]
