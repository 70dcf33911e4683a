"""The state of logs inside one write transaction, and the one statement that loads it for a whole group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import apsw
import msgspec

from umbral_chat.model.depth import decode_stored
from umbral_chat.model.entries import Entry, Member, RealtimeChoice, Responder, Status


class Log(msgspec.Struct, array_like=True):
    """A conversation's row, as read; changed in memory and written back with the group."""

    id: int
    epoch: str
    head: int
    redaction: int
    at: int
    created: int
    status: Status
    responder: Responder
    realtime: RealtimeChoice
    profile: int
    """Id of its text in `body`."""


class Profile(msgspec.Struct, omit_defaults=True):
    """What of a conversation is text, besides its id."""

    title: str | None = None
    metadata: dict[str, Any] | None = None
    members: list[Member] = []


class Known(msgspec.Struct, array_like=True):
    """The entry that was written with an idempotency key, and the fingerprint of its write (None: blanked since)."""

    log: int
    key: int
    entry: str
    fingerprint: str | None

    def decoded(self) -> Entry:
        return decode_stored(_entry, self.entry)


class Loaded(NamedTuple):
    """What the store knows about the names that a group mentions."""

    conversation: int
    """Highest number that a conversation ever had."""
    body: int
    """Highest id in `body`."""
    logs: list[tuple[int, Log]]
    deleted: list[int]
    """Indexes of conversations with a tombstone."""
    known: list[Known]
    taken: list[tuple[int, int]]
    """(log, message) of chosen message ids that exist."""


_entry: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_logs = msgspec.json.Decoder(list[tuple[int, Log]])
_numbers = msgspec.json.Decoder(list[int])
_known = msgspec.json.Decoder(list[Known])
_taken = msgspec.json.Decoder(list[tuple[int, int]])

# Each join finds its conversation before it goes through what is wanted of it, so that one that many write to is found
# once.
_LOAD = """
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'conversation'), 0),
  coalesce((SELECT max(id) FROM body), 0),
  (SELECT json_group_array(json_array(j.key, json_array(
      c.id, c.epoch, c.head, c.redaction, c.at, c.created, c.status, c.responder, c.realtime, c.profile)))
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

Named = Mapping[str, Sequence[int]]
"""Conversations, and what is wanted in each, all by hash."""


def load(connection: apsw.Connection, conversations: Sequence[str], keys: Named, messages: Named, now: int) -> Loaded:
    """Look up conversations, idempotency keys and chosen message ids in one step of SQLite: each step gives the
    interpreter lock away, and against a busy loop it may take the interpreter's whole switch interval to get it back.
    """
    bindings = (*(msgspec.json.encode(names).decode() for names in (conversations, keys, messages)), now)
    conversation, body, found, deleted, known, taken = connection.execute(_LOAD, bindings).get
    return Loaded(
        conversation,
        body,
        _logs.decode(found),
        _numbers.decode(deleted),
        _known.decode(known),
        _taken.decode(taken),
    )


__all__ = ["Known", "Loaded", "Log", "Profile", "load"]
