"""The message that an edit or a redaction is about, as the transaction sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw
import msgspec

from umbral_chat._core.sqlite.log.hashed_ids import HashedIds, seq_in_id
from umbral_chat._core.sqlite.log.rows import Log
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.model.depth import decode_stored
from umbral_chat.model.entries import Edit, Entry, Message, Redaction, entry_encoder

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class Target(NamedTuple):
    """A message, its author's hash, and its newest change."""

    message: Message
    author: int | None
    change: Edit | Redaction | None
    """The newest edit or redaction of it."""

    @property
    def latest_edit(self) -> Edit | None:
        return self.change if isinstance(self.change, Edit) else None

    @property
    def redaction(self) -> Redaction | None:
        return self.change if isinstance(self.change, Redaction) else None


def seq_of(connection: apsw.Connection, ids: HashedIds, log: int, message_id: str) -> int | None:
    """The seq at which a message may be: the caller must compare the id of the entry that it finds there."""
    seq: int | None = connection.execute(
        "SELECT seq FROM entry WHERE conversation = ? AND message = ?", (log, ids.message(message_id))
    ).get
    return seq_in_id(message_id) if seq is None else seq


def find_message(transaction: Transaction, log: Log, message_id: str) -> Target | None:
    """The message, or None when the log has no such one."""
    transaction.flush()
    connection = transaction.connection
    seq = seq_of(connection, transaction.ids, log.id, message_id)
    if seq is None or seq > log.head:
        return None
    row = connection.execute(
        "SELECT b.json, e.author FROM entry e JOIN body b ON b.id = e.body WHERE e.conversation = ? AND e.seq = ?",
        (log.id, seq),
    ).get
    if row is None:
        return None
    message = decode_stored(_decoder, row[0])
    if not isinstance(message, Message) or message.message_id != message_id:
        return None
    text = connection.execute(
        "SELECT b.json FROM entry e INDEXED BY entry_target JOIN body b ON b.id = e.body "
        "WHERE e.conversation = ? AND e.target = ? ORDER BY e.seq DESC LIMIT 1",
        (log.id, seq),
    ).get
    change = None if text is None else decode_stored(_decoder, text)
    return Target(message, row[1], change if isinstance(change, Edit | Redaction) else None)


def message_and_edits(transaction: Transaction, log: Log, seq: int) -> Iterator[tuple[int, Message | Edit]]:
    """The message's own entry and its edits, each with the id of its text."""
    transaction.flush()
    rows: list[Any] = transaction.connection.execute(
        "SELECT e.body, b.json FROM (SELECT body FROM entry WHERE conversation = ?1 AND seq = ?2 UNION ALL "
        "SELECT body FROM entry INDEXED BY entry_target WHERE conversation = ?1 AND target = ?2) e "
        "JOIN body b ON b.id = e.body",
        (log.id, seq),
    ).fetchall()
    for body, text in rows:
        entry = decode_stored(_decoder, text)
        if isinstance(entry, Message | Edit):
            yield body, entry


def encode(entry: Entry) -> str:
    """An entry's JSON as it is stored."""
    return entry_encoder.encode(entry).decode()


__all__ = ["Target", "encode", "find_message", "message_and_edits", "seq_of"]
