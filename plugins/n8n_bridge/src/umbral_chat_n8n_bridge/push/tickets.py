"""Tickets: the token of a POST's answer opens one WebSocket, for the same chat and session, at whichever instance."""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import Any

import msgspec
from umbral_chat.errors import Forbidden
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.store import SharedStore

NAMESPACE = "n8n.push"

LIVES = 120.0
"""Seconds in which the widget has to open its socket: it does so at once."""

METADATA_BYTES = 16_384
"""Longest metadata that a ticket keeps: records of the shared store are bounded."""


class PushTicket(msgspec.Struct, frozen=True):
    """What a token stands for: the message that was written with its POST, and what its page adds to each."""

    chat: str
    conversation: str
    epoch: str
    seq: int
    metadata: dict[str, Any] | None = None

    @property
    def cursor(self) -> Cursor:
        """Where to follow from."""
        return Cursor(self.epoch, self.seq)


async def issue(store: SharedStore, ticket: PushTicket) -> str:
    """A token for it. Raises HistoryUnavailable."""
    token = secrets.token_urlsafe(24)
    value = msgspec.json.encode(ticket)
    if len(value) > METADATA_BYTES:
        value = msgspec.json.encode(msgspec.structs.replace(ticket, metadata=None))
    await store.put(NAMESPACE, _key(token), value, ttl=LIVES)
    return token


async def redeem(store: SharedStore, token: str) -> PushTicket:
    """The ticket of a token, once. Raises Forbidden (`forbidden`) and HistoryUnavailable."""
    found = await store.get(NAMESPACE, _key(token))
    # Of two that come at once, one deletes it.
    if found is None or not await store.delete(NAMESPACE, _key(token)):
        raise Forbidden("The token of this chat has expired. Send a message to get another.")
    return _decoder.decode(found.value)


def _key(token: str) -> str:
    # The store has no token that could be used.
    return blake2b(token.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()


_decoder = msgspec.json.Decoder(PushTicket)

__all__ = ["LIVES", "PushTicket", "issue", "redeem"]
