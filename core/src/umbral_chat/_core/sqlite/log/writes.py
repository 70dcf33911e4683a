"""The rules of appending, one function for each kind of write. Each decides before it changes anything, so that one
that raises leaves the transaction as it found it."""

from __future__ import annotations

import msgspec

from umbral_chat._core.sqlite.log import message_lookup, updates
from umbral_chat._core.sqlite.log.erasure import blank, clear_signals
from umbral_chat._core.sqlite.log.hashed_ids import generate_id, seq_in_id
from umbral_chat._core.sqlite.log.rows import Log
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.errors import Conflict, ConversationDeleted, Forbidden, InvalidRequest, NotFound
from umbral_chat.model.authors import former, owns_former
from umbral_chat.model.entries import Changes, Edit, Entry, Message, Redaction, Run, Sender, Update
from umbral_chat.model.writes import Appended, Write, WriteEdit, WriteMessage, WriteRedaction, WriteRun, WriteUpdate


def take(write: WriteUpdate, transaction: Transaction) -> Appended:
    """Apply `write` if nobody else has the conversation; see `OperatorInbox.take`."""
    return append(write, transaction, if_free=True)


def append(write: Write, transaction: Transaction, *, if_free: bool = False) -> Appended:
    """Apply `write`; see `History.append` for what it returns and raises."""
    try:
        keys = transaction.keys(write)
        key = keys[0] if keys else None
        fingerprint = None if key is None else write.fingerprint()
        log = transaction.log(write.conversation)
        if write.epoch is not None and (log is None or log.epoch != write.epoch):
            raise ConversationDeleted(write.conversation)
        earlier = (
            None if log is None else next(filter(None, (transaction.entry_with_key(log, one) for one in keys)), None)
        )
        if log is not None and earlier is not None:
            if earlier.fingerprint is not None and bytes.fromhex(earlier.fingerprint) != fingerprint:
                raise Conflict(
                    "This idempotency key was used for another request. Draw a new key for each new write.",
                    code="idempotency_conflict",
                )
            return Appended(earlier.decoded(), False, log.epoch)
        if log is not None and if_free and isinstance(write, WriteUpdate):
            updates.check_free(transaction, log, write)
        if log is None or not isinstance(write, WriteMessage):
            # What cannot be encoded must fail before anything is changed; a message to an existing log is encoded first
            # of all anyway.
            msgspec.json.encode(write)
        return _append_new(transaction, log, write, key, fingerprint)
    except (UnicodeEncodeError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"The write cannot be stored as JSON: {error}.", code="invalid_field") from error


def _append_new(
    transaction: Transaction, log: Log | None, write: Write, key: int | None, fingerprint: bytes | None
) -> Appended:
    match write:
        case WriteMessage():
            return _append_message(transaction, log, write, key, fingerprint)
        case WriteEdit():
            return _append_edit(transaction, log, write, key, fingerprint)
        case WriteRedaction():
            return _append_redaction(transaction, log, write, key, fingerprint)
        case WriteUpdate():
            return updates.append(transaction, log, write, key, fingerprint)
        case WriteRun():
            return _append_run(transaction, log, write, key, fingerprint)


def _append_message(
    transaction: Transaction, log: Log | None, write: WriteMessage, key: int | None, fingerprint: bytes | None
) -> Appended:
    chosen = write.message_id
    if chosen is not None and log is not None and _is_taken(transaction, log, chosen):
        if (interrupted := _find_interrupted(transaction, log, write, chosen)) is not None:
            return _complete(transaction, log, write, interrupted, key, fingerprint)
        raise Conflict(
            f"There is a message {chosen!r} in this conversation already. Edit it, or choose another message_id.",
            code="message_id_taken",
            field="message_id",
        )
    log = log or transaction.create(write.conversation)
    seq, at = transaction.next_seq_and_time(log)
    entry = Message(
        seq=seq,
        at=write.at or at,
        sender=write.sender,
        client_id=write.key,
        message_id=chosen or generate_id(seq),
        content=write.content,
        reply_to=write.reply_to,
        metadata=write.metadata,
        redacted=write.redacted,
        imported=write.at is not None,
        finish=write.finish,
    )
    json = transaction.append(
        log,
        entry,
        author=transaction.ids.subject(write.subject),
        key=key,
        fingerprint=fingerprint,
        message=None if chosen is None else transaction.ids.message(chosen),
    )
    log.user_last = int(write.sender.role == "user")
    if log.status == "closed" and write.sender.role == "user" and write.at is None:
        return Appended(entry, True, log.epoch, (_reopen(transaction, log),), json)
    return Appended(entry, True, log.epoch, json=json)


def _find_interrupted(transaction: Transaction, log: Log, write: WriteMessage, chosen: str) -> Message | None:
    """The message that `write` completes: interrupted, of the same author, and not changed since."""
    if write.finish is not None or write.at is not None:
        return None
    target = message_lookup.find_message(transaction, log, chosen)
    if target is None or target.change is not None or target.message.finish != "interrupted":
        return None
    return target.message if _is_author(transaction, write.subject, target.author) else None


def _complete(
    transaction: Transaction,
    log: Log,
    write: WriteMessage,
    interrupted: Message,
    key: int | None,
    fingerprint: bytes | None,
) -> Appended:
    """Append the rest of an interrupted message as an edit, with the fingerprint of the message that was sent: a repeat
    of it is recognized."""
    seq, at = transaction.next_seq_and_time(log)
    entry = Edit(
        seq=seq,
        at=at,
        sender=write.sender,
        client_id=write.key,
        message_id=interrupted.message_id,
        content=write.content,
        metadata=interrupted.metadata if write.metadata is None else write.metadata,
    )
    json = transaction.append(
        log,
        entry,
        author=transaction.ids.subject(write.subject),
        key=key,
        fingerprint=fingerprint,
        target=interrupted.seq,
    )
    return Appended(entry, True, log.epoch, json=json)


def _reopen(transaction: Transaction, log: Log) -> Entry:
    seq, at = transaction.next_seq_and_time(log)
    log.status = "open"
    entry = Update(seq=seq, at=at, sender=Sender(role="system"), changes=Changes(status="open"))
    transaction.append(log, entry)
    return entry


def _is_taken(transaction: Transaction, log: Log, chosen: str) -> bool:
    if transaction.has_message(log, transaction.ids.message(chosen)):
        return True
    seq = seq_in_id(chosen)
    return seq is not None and seq <= log.head and message_lookup.find_message(transaction, log, chosen) is not None


def _append_edit(
    transaction: Transaction, log: Log | None, write: WriteEdit, key: int | None, fingerprint: bytes | None
) -> Appended:
    log, target = _find_target(transaction, log, write)
    if target.redaction is not None or (target.message.redacted and not write.redacted):
        raise Conflict(f"Message {write.message_id!r} is redacted and cannot be edited.", code="message_redacted")
    current = target.latest_edit or target.message
    seq, at = transaction.next_seq_and_time(log)
    entry = Edit(
        seq=seq,
        at=write.at or at,
        sender=write.sender,
        client_id=write.key,
        message_id=write.message_id,
        content=write.content,
        metadata=current.metadata if write.metadata is None and not write.redacted else write.metadata,
        redacted=write.redacted,
        imported=write.at is not None,
    )
    json = transaction.append(
        log,
        entry,
        author=transaction.ids.subject(write.subject),
        key=key,
        fingerprint=fingerprint,
        target=target.message.seq,
    )
    return Appended(entry, True, log.epoch, json=json)


def _append_redaction(
    transaction: Transaction, log: Log | None, write: WriteRedaction, key: int | None, fingerprint: bytes | None
) -> Appended:
    log, target = _find_target(transaction, log, write)
    if (first := target.redaction) is not None:
        return Appended(first, False, log.epoch)
    for body, entry in message_lookup.message_and_edits(transaction, log, target.message.seq):
        blanked = msgspec.structs.replace(entry, content="", metadata=None, redacted=True)
        # First the entry is pointed at a new text, then the old one is blanked where it lies.
        text = transaction.add_body(log.id, entry.seq, message_lookup.encode(blanked))
        transaction.connection.execute(
            "UPDATE entry SET body = ? WHERE conversation = ? AND seq = ?", (text, log.id, entry.seq)
        )
        blank(transaction.connection, [body])
        transaction.mark_blanked(log, blanked)
    clear_signals(transaction.connection)
    seq, at = transaction.next_seq_and_time(log)
    redaction = Redaction(
        seq=seq,
        at=write.at or at,
        sender=write.sender,
        client_id=write.key,
        message_id=write.message_id,
        imported=write.at is not None,
    )
    json = transaction.append(
        log,
        redaction,
        author=transaction.ids.subject(write.subject),
        key=key,
        fingerprint=fingerprint,
        target=target.message.seq,
    )
    log.redaction = seq
    transaction.defer_reply()
    return Appended(redaction, True, log.epoch, json=json)


def _find_target(
    transaction: Transaction, log: Log | None, write: WriteEdit | WriteRedaction
) -> tuple[Log, message_lookup.Target]:
    target = None if log is None else message_lookup.find_message(transaction, log, write.message_id)
    if log is None or target is None:
        raise NotFound(f"There is no message {write.message_id!r} in this conversation.", code="message_not_found")
    if write.own_only and not _is_author(transaction, write.subject, target.author):
        raise Forbidden(f"Message {write.message_id!r} was written by another author.", code="not_your_message")
    return log, target


def _is_author(transaction: Transaction, subject: str, stored: int | None) -> bool:
    """Whether `stored`, a message's author, is the hash of `subject`."""
    bare = former(subject) if owns_former(subject) else None
    return any(stored == transaction.ids.subject(one) for one in (subject, bare) if one is not None)


def _append_run(
    transaction: Transaction, log: Log | None, write: WriteRun, key: int | None, fingerprint: bytes | None
) -> Appended:
    log = log or transaction.create(write.conversation)
    seq, at = transaction.next_seq_and_time(log)
    entry = Run(
        seq=seq,
        at=write.at or at,
        sender=write.sender,
        client_id=write.key,
        run_id=write.run_id,
        outcome=write.outcome,
        reason=write.reason,
        for_seq=write.for_seq,
        metadata=write.metadata,
        imported=write.at is not None,
    )
    json = transaction.append(
        log, entry, author=transaction.ids.subject(write.subject), key=key, fingerprint=fingerprint
    )
    return Appended(entry, True, log.epoch, json=json)


__all__ = ["append"]
