"""The body of a poll's answer, put together from JSON that is encoded already."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from umbral_chat.drafts import DraftView
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Entry, FoldedMessage
from umbral_chat.model.receipts import Receipt
from umbral_chat.model.runs import RunView
from umbral_chat.providers.presence import PersonTyping, PresenceList

PATH = "/v1/conversations/{conversation:str}/events"
"""The route that answers so."""

_encoder = msgspec.json.Encoder()


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """The entries after a cursor, and the present signals and mode: the answer as clients read it. `body` writes it."""

    entries: list[Entry]
    cursor: str
    head: int
    has_more: bool
    poll_after_ms: int
    mode: str
    signals: str
    """Version of `drafts`, `runs`, `typing` and `readers`, opaque: a client that sends it back with its next long poll
    is answered within a second if they have changed by then."""
    drafts: list[DraftView] = []
    runs: list[RunView] = []
    """The runs of assistants that go on."""
    typing: list[PersonTyping] = []
    presence: PresenceList | None = None
    """Null when the client has the list of this version, or nothing provides presence."""
    readers: list[Receipt] = []
    """How far those have read who let others see it."""
    stale_since: datetime | None = None
    """The history has not answered since then: this is from memory, and there may be more."""
    snapshot: bool = False
    """`messages` are the newest ones: they replace the client's copy."""
    messages: list[FoldedMessage] = []


class SignalsSnapshot(NamedTuple):
    """Drafts, runs, typing and receipts at one moment, as JSON."""

    drafts: bytes
    runs: bytes
    typing: bytes
    readers: bytes

    @classmethod
    def encode(
        cls,
        drafts: Sequence[DraftView],
        runs: Sequence[RunView],
        typing: Sequence[PersonTyping],
        readers: Sequence[Receipt] = (),
    ) -> SignalsSnapshot:
        """The snapshot of these drafts, these runs, those who type, and how far readers have read."""
        return cls(*(_encoder.encode(items) if items else b"[]" for items in (drafts, runs, typing, readers)))

    @property
    def version(self) -> str:
        """A hash, so that it is the same at every instance and in every mode: whether a client's next long poll is
        answered at once depends on the signals alone, not on the instance that answers."""
        return _version(self)


@lru_cache(maxsize=1024)
def _version(signals: SignalsSnapshot) -> str:
    digest = blake2b(b"\0".join(signals), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")


def body(
    *,
    entries: Sequence[EncodedEntry],
    cursor: Cursor,
    head: int,
    poll_after_ms: int,
    mode: str,
    signals: SignalsSnapshot,
    presence: PresenceList | None,
    known_presence: str | None = None,
    stale_since: datetime | None = None,
    messages: bytes | None = None,
) -> bytes:
    """An `Events` as JSON. `known_presence` is the version of the list that the client has; `messages` is an encoded
    list of folded messages, given only for a snapshot."""
    parts = [
        b'{"entries":[',
        b",".join([entry.json for entry in entries]),
        f'],"cursor":"{cursor}","head":{head},"has_more":{"true" if cursor.seq < head else "false"}'
        f',"poll_after_ms":{poll_after_ms},"mode":"{mode}","signals":"{signals.version}"'.encode(),
        b',"drafts":%b,"runs":%b,"typing":%b,"presence":' % signals[:3],
        b"null" if presence is None or presence.version == known_presence else _encoder.encode(presence),
        b',"readers":%b' % signals.readers,
    ]
    if stale_since is not None:
        parts += [b',"stale_since":', _encoder.encode(stale_since)]
    if messages is not None:
        parts += [b',"snapshot":true,"messages":', messages]
    parts.append(b"}")
    return b"".join(parts)


__all__ = ["PATH", "Events", "SignalsSnapshot", "body"]
