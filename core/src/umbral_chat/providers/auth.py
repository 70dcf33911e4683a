"""Who calls: principals, and the authenticators that recognize them."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from umbral_chat.model.authors import Kind, author
from umbral_chat.model.entries import Role, Sender

Right = Literal[
    "read",
    "send",
    "send_as",
    "moderate",
    "manage",
    "inbox",
    "tokens",
    "status",
    "admin",
    "metrics",
    "last_seen",
    "import",
]
"""What a principal may do. `docs/reference/rights.md` says which route needs which."""

PrincipalKind = Kind


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who calls, as an authenticator recognized them."""

    kind: PrincipalKind
    subject: str
    """Stable name among principals of its kind."""
    rights: frozenset[Right]
    conversation: str | None = None
    """The one conversation that it may touch; None: any."""
    epoch: str | None = None
    """The log that it is bound to; of another one it knows nothing."""
    role: Role = "user"
    """The role that it speaks with when it may not choose."""
    name: str | None = None
    expires_at: float | None = None
    """Unix time after which it is nobody."""

    @property
    def author(self) -> str:
        """Its kind and subject, by which what belongs to it is told from what belongs to others: idempotency keys, read
        markers, messages, drafts and rates. A token and a user of one subject are two authors."""
        return author(self.kind, self.subject)

    @property
    def trusted(self) -> bool:
        """Whether it is the operator's own: a service key, or the local administrator. No rate holds it."""
        return self.kind in {"key", "local"}

    @property
    def sender(self) -> Sender:
        """As whom it speaks when it does not choose: with its own role, id and name. A service key's id is the key's
        plain name (`n8n`, not `key:n8n`)."""
        own = self.subject.removeprefix("key:") if self.kind == "key" else self.subject
        return Sender(role=self.role, id=own, name=self.name)


class Authenticator(Protocol):
    """Recognizes one kind of credential. Asked in order until one answers."""

    name: str
    rank: int
    """Lower is asked first."""

    async def authenticate(self, credential: str) -> Principal | None:
        """The principal of this bearer credential; None: not of my kind. Raises Unauthorized (`unauthorized`,
        `token_expired`) for one of its kind that does not hold, and Unavailable when it cannot tell now."""
        ...


class Authorizer(Protocol):
    """Optional ability of an authenticator: asks, at each request, what a principal may do in a conversation."""

    async def authorize(self, principal: Principal, conversation: str) -> Principal:
        """The principal as it is in that conversation (its rights and role there). Raises Forbidden."""
        ...


__all__ = ["Authenticator", "Authorizer", "Principal", "PrincipalKind", "Right"]
