"""Changes of a conversation itself: what an update sets, and the comparison before a takeover."""

from __future__ import annotations

import msgspec

from umbral_chat._core.sqlite.log import inbox
from umbral_chat._core.sqlite.log.erasure import blank
from umbral_chat._core.sqlite.log.rows import Log
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.errors import TakeoverConflict
from umbral_chat.model.entries import Update
from umbral_chat.model.fold import apply_changes
from umbral_chat.model.writes import Appended, WriteUpdate


def check_free(transaction: Transaction, log: Log, write: WriteUpdate) -> None:
    """Raise TakeoverConflict if the conversation has another assignee than the one that `write` sets."""
    wanted = write.changes.assignee
    if log.assignee is None or (isinstance(wanted, str) and log.assignee == transaction.ids.subject(wanted)):
        return
    raise TakeoverConflict(_profile(transaction, log).assignee or "")


def append(
    transaction: Transaction, log: Log | None, write: WriteUpdate, key: int | None, fingerprint: bytes | None
) -> Appended:
    """Append the update and have the conversation follow it."""
    log = log or transaction.create(write.conversation)
    changes = apply_changes({}, write.changes)
    log.status = changes.pop("status", log.status)
    log.responder = changes.pop("responder", log.responder)
    log.realtime = changes.pop("realtime", log.realtime)
    if "assignee" in changes:
        subject = changes["assignee"]
        if subject is None and log.assignee is None:
            del changes["assignee"]
        log.assignee = None if subject is None else transaction.ids.subject(subject)
    if changes:
        # What is left is text, which is never changed in place.
        profile = msgspec.structs.replace(_profile(transaction, log), **changes)
        blank(transaction.connection, [log.profile])
        log.profile = transaction.add_body(log.id, 0, msgspec.json.encode(profile).decode(), name=write.conversation)
    seq, at = transaction.next_seq_and_time(log)
    entry = Update(
        seq=seq,
        at=write.at or at,
        sender=write.sender,
        client_id=write.key,
        changes=write.changes,
        imported=write.at is not None,
    )
    json = transaction.append(
        log, entry, author=transaction.ids.subject(write.subject), key=key, fingerprint=fingerprint
    )
    return Appended(entry, True, log.epoch, json=json)


def _profile(transaction: Transaction, log: Log) -> inbox.Profile:
    transaction.flush()
    return inbox.decode_profile(
        transaction.connection.execute("SELECT json FROM body WHERE id = ?", (log.profile,)).get
    )


__all__ = ["append", "check_free"]
