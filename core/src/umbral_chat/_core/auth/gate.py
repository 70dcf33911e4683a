"""The gate: authenticates an Authorization header, and authorizes the principal."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, Protocol, runtime_checkable

from umbral_chat._core.auth.limits import RateLimiter
from umbral_chat._core.auth.local import LocalAuthenticator
from umbral_chat._core.auth.rights import is_right
from umbral_chat._core.auth.sessions import Sessions, ended
from umbral_chat._core.runtime.lru import Lru
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.errors import Forbidden, Unauthorized
from umbral_chat.model.depth import DEPTH, is_deeper, too_deep
from umbral_chat.model.internal import is_internal
from umbral_chat.providers.auth import Authenticator, Authorizer, Principal, Right

CREDENTIAL_LIMIT = 8 * 1024
"""Longest credential, in bytes: tokens of identity providers are shorter, and hashing
more would be work that an unauthenticated caller can cause."""

PRINCIPAL_CACHE_SIZE = 16_384
"""Headers whose principal is cached, at about 1 KiB each."""

_HEADER_LIMIT = CREDENTIAL_LIMIT + len(b"Bearer ")


@runtime_checkable
class ReusableAnswers(Protocol):
    """Optional ability of an authenticator: its answer is valid until the principal's `expires_at`, so it is cached."""

    reusable: Literal[True]


@runtime_checkable
class _Authorizes(Authorizer, Protocol):
    pass


class Gate:
    """Authenticates callers. Credentials that no authenticator recognizes are refused.

    `local` is given only when no key is configured: then a request without credentials is the local administrator's.
    `requests` limits the requests of a visitor or user, who are counted once they are authenticated. `sessions` are
    those of operators, which come as a cookie and never as a header.
    """

    def __init__(
        self,
        authenticators: Sequence[Authenticator],
        *,
        local: LocalAuthenticator | None,
        requests: RateLimiter | None = None,
        sessions: Sessions | None = None,
        clock: Clock | None = None,
        capacity: int = PRINCIPAL_CACHE_SIZE,
        depth: int = DEPTH,
    ) -> None:
        self._depth = depth
        self._authenticators = sorted(authenticators, key=lambda each: each.rank)
        self._authorizers: list[Authorizer] = [one for one in self._authenticators if isinstance(one, _Authorizes)]
        if sessions is not None:
            self._authorizers.insert(0, sessions)
        self.sessions = sessions
        self._local = local.principal() if local else None
        self._requests = requests
        self._clock = clock or SystemClock()
        # With the expiry as a datetime: comparing two costs half of making a Unix time of now, on the hottest path.
        self._principals: Lru[bytes, tuple[Principal, datetime | None]] = Lru(capacity)

    def cached(self, header: bytes | None) -> Principal | None:
        """The principal, if it is cached; None: call `authenticate`.

        For the hot routes. Cached are the local administrator, service keys and unexpired conversation tokens that were
        authenticated before; never principals that need an `Authorizer`.
        """
        if header is None:
            return self._local
        if len(header) > _HEADER_LIMIT:
            return None
        digest = sha256(header).digest()
        known = self._principals.get(digest)
        if known is None:
            return None
        principal, expires = known
        if expires is None or self._clock.now() < expires:
            return principal
        self._principals.drop(digest)
        return None

    async def authenticate(self, header: bytes | None) -> Principal:
        """The principal of this `Authorization` header (None: there was none).

        Raises Unauthorized (`unauthorized`, `token_expired`) with `WWW-Authenticate`, and Unavailable when an
        authenticator cannot decide now.
        """
        principal, _ = await self._recognize(header)
        return principal

    async def admit(self, header: bytes | None, right: Right, conversation: str | None) -> Principal:
        """The principal of this header as it is in `conversation`, if it has `right` there.

        An authenticator that is also an `Authorizer` is asked about its principals at each request. Raises what
        `authenticate`, `count` and `authorize` raise.
        """
        principal, authorizer = await self._recognize(header)
        self.count(principal)  # before the authorizer, whose answer may cost a query
        if authorizer is not None and conversation is not None:
            principal = await authorizer.authorize(principal, conversation)
        authorize(principal, right, conversation)
        return principal

    async def admit_session(self, credential: str, right: Right, conversation: str | None) -> Principal:
        """The operator whose session this is, if it has `right`. Raises what `authenticate_session`, `count` and
        `authorize` raise."""
        principal = await self.authenticate_session(credential)
        self.count(principal)
        authorize(principal, right, conversation)
        return principal

    async def authenticate_session(self, credential: str) -> Principal:
        """The operator whose session this is. Raises Unauthorized (`session_ended`) and HistoryUnavailable."""
        if self.sessions is None:
            raise ended()
        return await self.sessions.recognize(credential)

    async def reauthorize(self, principal: Principal, right: Right, conversation: str) -> Principal:
        """A principal that was recognized before, as it is in `conversation` now, if it has `right` there now.

        Raises Unauthorized (`token_expired`) past its expiry, and what `admit` raises.
        """
        if principal.expires_at is not None and self._clock.now().timestamp() >= principal.expires_at:
            raise _unauthorized("These credentials have expired.", code="token_expired")
        for authorizer in self._authorizers:
            if _is_of(principal, authorizer):
                principal = await authorizer.authorize(principal, conversation)
                break
        authorize(principal, right, conversation)
        return principal

    @property
    def principal_types(self) -> set[type[Principal]]:
        """The types that principals have."""
        own: set[type[Principal]] = {Principal}
        every = (*self._authenticators, *self._authorizers)
        return own.union(getattr(one, "principal_type", Principal) for one in every)

    def count(self, principal: Principal) -> None:
        """Count one request of `principal`. Raises TooManyRequests (`rate_limited`)."""
        if self._requests is not None:
            self._requests.check(principal)

    async def _recognize(self, header: bytes | None) -> tuple[Principal, Authorizer | None]:
        if (known := self.cached(header)) is not None:
            return known, None
        credential = _credential(header)
        check_token_depth(credential, self._depth)
        for authenticator in self._authenticators:
            principal = await self._ask(authenticator, credential)
            if principal is None:
                continue
            if principal.expires_at is not None and self._clock.now().timestamp() >= principal.expires_at:
                raise _unauthorized("These credentials have expired.", code="token_expired")
            if isinstance(authenticator, _Authorizes):
                return principal, authenticator
            if header is not None and isinstance(authenticator, ReusableAnswers):
                at = principal.expires_at
                expires = None if at is None else datetime.fromtimestamp(at, UTC)
                self._principals.put(sha256(header).digest(), (principal, expires))
            return principal, None
        raise _unauthorized(
            "These credentials are not known here."
            + (" This service has no keys: leave the Authorization header out." if self._local else "")
        )

    async def _ask(self, authenticator: Authenticator, credential: str) -> Principal | None:
        try:
            return await authenticator.authenticate(credential)
        except Unauthorized as error:
            error.headers.setdefault("WWW-Authenticate", "Bearer")
            raise


def _is_of(principal: Principal, authorizer: Authorizer) -> bool:
    own: type[Principal] | None = getattr(authorizer, "principal_type", None)
    return principal.kind == "user" if own is None else isinstance(principal, own)


def authorize(principal: Principal, right: Right, conversation: str | None) -> None:
    """Let `principal` pass, or raise Forbidden: it lacks `right` (`forbidden`), is bound to another conversation
    (`foreign_conversation`), or may not enter an internal one (`internal_conversation`): no token may, and of users
    only agents. `conversation` None: the request is about no single one, which a bound principal may not make.

    Raises ValueError for a right that does not exist, which is a mistake of the program, for every principal.
    """
    if not is_right(right):
        raise ValueError(f"{right!r} is not a right.")
    if right not in principal.rights:
        raise Forbidden(f"This needs the right {right!r}, which this caller does not have.", extra={"right": right})
    if principal.conversation is not None and principal.conversation != conversation:
        raise Forbidden(
            "This token is for another conversation." if conversation else "This token is for one conversation only.",
            code="foreign_conversation",
        )
    if conversation is not None and is_internal(conversation) and not _may_see_internal(principal):
        raise Forbidden(
            "This is an internal conversation: it is for service keys, and for users who are members with the role "
            "'agent'.",
            code="internal_conversation",
        )


def _may_see_internal(principal: Principal) -> bool:
    return principal.trusted or (principal.kind == "user" and principal.role == "agent")


def _credential(header: bytes | None) -> str:
    # Nothing is raised from within an `except`: a decoding error has the bytes in it.
    if not header:
        raise _unauthorized("This needs the header `Authorization: Bearer KEY_OR_TOKEN`.")
    if len(header) > _HEADER_LIMIT:
        raise _unauthorized(f"Credentials have at most {CREDENTIAL_LIMIT} bytes.", limit=CREDENTIAL_LIMIT)
    scheme, _, rest = header.strip().partition(b" ")
    credential = rest.strip()
    if scheme.lower() != b"bearer" or not credential:
        raise _unauthorized("The Authorization header has another form than `Bearer KEY_OR_TOKEN`.")
    try:
        text = credential.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise _unauthorized("The credentials are not text in UTF-8.")
    return text


def check_token_depth(token: str, depth: int) -> None:
    """Raises InvalidRequest (`too_deep`) for a JWT whose header or claims have more than `depth` levels, before any
    authenticator decodes them."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        return
    for part in parts[:2]:
        try:
            claims = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except ValueError:
            return
        if is_deeper(claims, depth):
            raise too_deep(depth, field="authorization")


def _unauthorized(detail: str, *, code: str | None = None, limit: int | None = None) -> Unauthorized:
    return Unauthorized(detail, code=code, limit=limit, headers={"WWW-Authenticate": "Bearer"})


__all__ = ["CREDENTIAL_LIMIT", "Gate", "ReusableAnswers", "authorize", "check_token_depth"]
