"""Rows that a transaction looks up and keeps in memory."""

from __future__ import annotations

import msgspec

from umbral_chat.model import entries
from umbral_chat.model.depth import decode_stored


class Log(msgspec.Struct, array_like=True):
    """A conversation's row, as read; changed in memory and written back with the group."""

    id: int
    epoch: str
    head: int
    redaction: int
    at: int
    created: int
    status: entries.Status
    responder: entries.Responder
    realtime: entries.RealtimeChoice
    profile: int
    """Id of its text in `body`."""
    assignee: int | None
    """Keyed hash of the assignee's subject, which itself is in the profile."""
    user_last: int
    """1: the last message is a user's."""


class KeyedEntry(msgspec.Struct, array_like=True):
    """The entry that was written with an idempotency key, and the fingerprint of its write (None: blanked since)."""

    log: int
    key: int
    json: str
    fingerprint: str | None

    def decoded(self) -> entries.Entry:
        return decode_stored(_entry, self.json)


_entry: msgspec.json.Decoder[entries.Entry] = msgspec.json.Decoder(entries.Entry)


__all__ = ["KeyedEntry", "Log"]
