"""Tickets: a credential for one stream, for clients that can send no header, as a browser's EventSource.

A ticket is used once, within a minute, for one conversation. It is kept in the shared store by its hash, so that any
instance redeems it, once, and who reads the store cannot. It carries no right of its own: whoever it was issued to is
authorized again when it is redeemed, and the token that it was issued for still ends the stream.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from umbral_chat.errors import Unauthorized
from umbral_chat.http_kit import asgi

if TYPE_CHECKING:
    from litestar.types import Scope
    from umbral_chat.context import Services
    from umbral_chat.providers.auth import Principal

NAMESPACE = "streaming.tickets"

TTL = 60.0
"""Seconds within which a ticket is redeemed: a page opens its stream at once, and a slow phone needs some seconds."""

TICKET_BYTES = 24
"""192 random bits: no one guesses one within a minute."""

PARAMETERS = frozenset({"after", "device", "ticket"})
"""The query's parameters of a stream."""

_FORM = re.compile(r"[A-Za-z0-9_-]{32}\Z")


class Ticket(msgspec.Struct, frozen=True):
    """A ticket as it is handed out."""

    ticket: str
    expires_at: datetime


class _Record(msgspec.Struct, frozen=True):
    conversation: str
    principal: bytes
    epoch: str | None = None


_decoder = msgspec.json.Decoder(_Record)


class Tickets:
    """Issues and redeems tickets. It keeps nothing: how many there are is bounded by the rate of `connect`, which
    counts both ways to get one, and by their time to live."""

    def __init__(self, services: Services) -> None:
        self._store = services.storage.store
        self._access = services.access
        self._feeds = services.feeds
        self._clock = services.base.clock

    async def issue(self, principal: Principal, conversation: str) -> Ticket:
        """A ticket for `principal`, who may read the conversation. It is bound to the log as it is now.

        Raises ConversationDeleted and HistoryUnavailable.
        """
        epoch = principal.epoch or await self._feeds.epoch(conversation)
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        record = _Record(conversation, self._access.encode(principal), epoch)
        await self._store.put(NAMESPACE, _key(ticket), msgspec.json.encode(record), ttl=TTL)
        return Ticket(ticket, self._clock.now() + timedelta(seconds=TTL))

    async def recognize(self, scope: Scope) -> Principal | None:
        """Whom the ticket in a request's query was issued to; None: there is none. For the guard, which authorizes.

        Raises Unauthorized (`invalid_ticket`): it is unknown, expired, for another conversation, or was used; and
        HistoryUnavailable. A ticket that is refused for its conversation is used up, too.
        """
        if b"ticket" not in scope["query_string"]:
            return None
        ticket = asgi.query(scope, PARAMETERS).get("ticket")
        return None if ticket is None else await self.redeem(ticket, asgi.conversation(scope))

    async def redeem(self, ticket: str, conversation: str) -> Principal:
        """Use a ticket up. Raises what `recognize` raises."""
        if not _FORM.match(ticket):
            raise _invalid()
        key = _key(ticket)
        record = await self._store.get(NAMESPACE, key)
        # Of several that redeem it at once, at whatever instances, one removes the record.
        if record is None or not await self._store.delete(NAMESPACE, key):
            raise _invalid()
        try:
            stored = _decoder.decode(record.value)
        except msgspec.DecodeError:  # written by another version
            raise _invalid() from None
        if stored.conversation != conversation:
            raise _invalid()
        principal = self._access.decode(stored.principal)
        return msgspec.structs.replace(principal, conversation=conversation, epoch=stored.epoch)


def _key(ticket: str) -> str:
    return sha256(ticket.encode()).hexdigest()


def _invalid() -> Unauthorized:
    return Unauthorized(
        "This ticket is not valid: each is for one stream of one conversation, once, within a minute. Get another one "
        "by POST …/tickets or …/connect.",
        code="invalid_ticket",
        field="ticket",
    )


__all__ = ["NAMESPACE", "PARAMETERS", "TTL", "Ticket", "Tickets"]
