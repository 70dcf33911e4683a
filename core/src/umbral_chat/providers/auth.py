"""Principals, which are authenticated callers, and the authenticators that recognize them."""

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
    "subscribe",
]
"""What a principal may do. `docs/reference/rights.md` says which route needs which."""

PrincipalKind = Kind


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A caller, as an authenticator recognized it."""

    kind: PrincipalKind
    subject: str
    """Stable name among principals of its kind."""
    rights: frozenset[Right]
    conversation: str | None = None
    """The only conversation that it may access; None: any."""
    epoch: str | None = None
    """The epoch of the log that it is bound to; it has no access to another one."""
    role: Role = "user"
    """The role that its messages have unless it may choose one."""
    name: str | None = None
    expires_at: float | None = None
    """Unix time at which its credentials expire; None: never."""
    operator_key: str | None = None
    """Name of the service key (`core.keys`) with whose rights it may sign in as an operator, at `POST /v1/session`, for
    which it also needs the right `inbox`. None: it may not, unless it is itself a service key."""

    @property
    def author(self) -> str:
        """Its kind and subject: the owner of its idempotency keys, read markers, messages, drafts and rates. A token
        and a user with the same subject are two authors."""
        return author(self.kind, self.subject)

    @property
    def trusted(self) -> bool:
        """Whether it is the operator's own: a service key, or the local administrator. It has no rate limits."""
        return self.kind in {"key", "local"}

    @property
    def sender(self) -> Sender:
        """The sender of its messages unless it chooses one: its own role, id and name. A service key's id is the key's
        plain name (`n8n`, not `key:n8n`)."""
        own = self.subject.removeprefix("key:") if self.kind == "key" else self.subject
        return Sender(role=self.role, id=own, name=self.name)


class Authenticator(Protocol):
    """Recognizes one kind of credential. Authenticators are asked in the order of their ranks until one answers."""

    name: str
    rank: int
    """Lower is asked first."""

    async def authenticate(self, credential: str) -> Principal | None:
        """The principal of this bearer credential; None: it is of another kind. Raises Unauthorized (`unauthorized`,
        `token_expired`) for an invalid one of its kind, and Unavailable when it cannot decide now."""
        ...


class Authorizer(Protocol):
    """Optional ability of an authenticator: decides, at each request, what a principal may do in a conversation; of a
    connection that lasts it is asked again and again, with the principal that it answered last. It knows its principals
    by their own type, if it names one in an attribute `principal_type`, and else by their kind `user`."""

    async def authorize(self, principal: Principal, conversation: str) -> Principal:
        """The principal as it is in that conversation (its rights and role there). Raises Forbidden."""
        ...


__all__ = ["Authenticator", "Authorizer", "Principal", "PrincipalKind", "Right"]
