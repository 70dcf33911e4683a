"""The authenticator of Supabase's users, and what they may do in a conversation."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import cast

import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, Forbidden, Unauthorized
from umbral_chat.model.display_names import clean_name
from umbral_chat.providers.auth import Principal, Right
from umbral_chat.settings import Secret

from umbral_chat_realtime_supabase.users.jwks import Jwks
from umbral_chat_realtime_supabase.users.membership import Memberships
from umbral_chat_realtime_supabase.users.verify import (
    PUBLIC_ALGORITHMS,
    SECRET_ALGORITHM,
    Claims,
    TokenRules,
    UnverifiedToken,
    parse_unverified,
    verify_token,
)

CACHE_SIZE = 8_192
"""Tokens whose claims are cached, at some 500 bytes each: verifying one takes a tenth of a millisecond."""

MEMBER: frozenset[Right] = frozenset({"read", "send"})
AGENT: frozenset[Right] = frozenset({"read", "send", "moderate"})


OPERATOR: frozenset[Right] = frozenset({"inbox"})
"""Outside conversations: what `POST /v1/session` needs."""


class User(Principal, frozen=True, kw_only=True):
    """A signed-in user, which has no rights outside a conversation unless it is an operator."""

    session: str | None = None
    topic: str | None = None
    """In a conversation: the topic that the user may join, as read at most `membership_ttl` seconds ago."""


class SupabaseUsers:
    """Authenticates the access tokens of one project: an `Authenticator` and `Authorizer`."""

    name = "supabase"
    rank = 50
    principal_type = User

    def __init__(
        self,
        rules: TokenRules,
        jwks: Jwks,
        memberships: Memberships,
        clock: Clock,
        *,
        secret: Secret | None = None,
        cache_ttl: float = 600.0,
        operator_key: str | None = None,
    ) -> None:
        self._rules, self._jwks, self._memberships, self._clock = rules, jwks, memberships, clock
        self._secret, self._cache_ttl = secret, cache_ttl
        self._operator_key = operator_key
        self._cache: OrderedDict[bytes, tuple[Claims, float]] = OrderedDict()

    async def authenticate(self, credential: str) -> User | None:
        """The user of this token; None: it is not of this project. Raises Unauthorized and Unavailable.

        A verified token is accepted for `supabase.jwks_ttl` seconds, or until it expires.
        """
        digest = sha256(credential.encode("utf-8", "surrogatepass")).digest()
        claims = self._cached(digest)
        if claims is None:
            claims = await self._verify(credential)
            if claims is None:
                return None
            self._cache[digest] = (claims, self._clock.monotonic() + self._cache_ttl)
            while len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)
        return User(
            kind="user",
            subject=claims.subject,
            rights=OPERATOR if claims.operator else frozenset(),
            name=claims.name,
            expires_at=claims.expires_at,
            operator_key=self._operator_key if claims.operator else None,
            session=claims.session,
        )

    async def authorize(self, principal: Principal, conversation: str) -> Principal:
        """The user as a member of the conversation. Raises Forbidden, Unauthorized for one who signed out,
        ConversationDeleted, and HistoryUnavailable when that cannot be read."""
        # The gate passes only principals that this authenticator returned.
        user = cast("User", principal)
        found = await self._memberships.find(conversation, user.subject, user.session)
        if found.session is False:
            raise Unauthorized("This session was signed out. Sign in again.")
        if found.deleted:
            raise ConversationDeleted(conversation)
        if found.role is None:
            raise Forbidden(
                "This user is no member of this conversation. Its creator adds members: PATCH "
                "/v1/conversations/{id} with `members`."
            )
        is_agent = found.role == "agent"
        return msgspec.structs.replace(
            user,
            rights=AGENT if is_agent else MEMBER,
            role="agent" if is_agent else "user",
            name=clean_name(found.name or "") or user.name,
            conversation=conversation,
            # A conversation that is made again has other members, whatever is cached here.
            epoch=found.epoch,
            topic=found.topic,
        )

    def _cached(self, digest: bytes) -> Claims | None:
        cached = self._cache.get(digest)
        if cached is None:
            return None
        claims, until = cached
        if self._clock.monotonic() >= until or self._clock.now().timestamp() >= claims.expires_at:
            del self._cache[digest]
            return None
        self._cache.move_to_end(digest)
        return claims

    async def _verify(self, credential: str) -> Claims | None:
        token = parse_unverified(credential)
        if credential.startswith(("sb_secret_", "sb_publishable_")) or (token and _is_api_key(token)):
            raise Unauthorized(
                "This is an API key of Supabase. Send a key of Umbral Chat (core.keys), or a user's access token."
            )
        if token is None or token.issuer != self._rules.issuer:
            return None
        if token.algorithm == SECRET_ALGORITHM:
            if self._secret is None:
                raise Unauthorized(
                    "This token is signed with a legacy secret (HS256), and none is set (supabase.jwt_secret)."
                )
            return verify_token(credential, self._secret.reveal(), SECRET_ALGORITHM, self._rules)
        if token.algorithm not in PUBLIC_ALGORITHMS or token.kid is None:
            raise Unauthorized("This token is not valid.")
        key = await self._jwks.key(token.kid)
        # The algorithm is taken from the key and not from the token, which rules out algorithm confusion.
        if key is None or key.algorithm_name != token.algorithm:
            raise Unauthorized("This token is signed with a key that the project does not have.")
        return verify_token(credential, key.key, key.algorithm_name, self._rules)


def _is_api_key(token: UnverifiedToken) -> bool:
    """The legacy keys are JWTs of the issuer `supabase`."""
    return token.issuer == "supabase" and token.role in {"anon", "service_role"}


__all__ = ["SupabaseUsers", "User"]
