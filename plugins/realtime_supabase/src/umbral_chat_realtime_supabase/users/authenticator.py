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
from umbral_chat_realtime_supabase.users.verify import PUBLIC, SECRET, Claims, Looked, Rules, look, verified

REMEMBERED = 8_192
"""Tokens whose claims are remembered, at some 500 bytes each: verifying one costs a tenth of a millisecond."""

MEMBER: frozenset[Right] = frozenset({"read", "send"})
AGENT: frozenset[Right] = frozenset({"read", "send", "moderate"})


class User(Principal, frozen=True, kw_only=True):
    """A signed-in user. Outside a conversation it may do nothing."""

    session: str | None = None
    topic: str | None = None
    """In a conversation: the topic on which it may listen by itself, at most `membership_ttl` old."""


class SupabaseUsers:
    """Recognizes the access tokens of one project. `Authenticator` and `Authorizer`."""

    name = "supabase"
    rank = 50

    def __init__(
        self,
        rules: Rules,
        jwks: Jwks,
        memberships: Memberships,
        clock: Clock,
        *,
        secret: Secret | None = None,
        remember: float = 600.0,
    ) -> None:
        self._rules, self._jwks, self._memberships, self._clock = rules, jwks, memberships, clock
        self._secret, self._remember = secret, remember
        self._known: OrderedDict[bytes, tuple[Claims, float]] = OrderedDict()

    async def authenticate(self, credential: str) -> User | None:
        """The user of this token; None: it is not of this project. Raises Unauthorized and Unavailable.

        A token that held is believed for `supabase.jwks_ttl` seconds, or until it expires.
        """
        digest = sha256(credential.encode("utf-8", "surrogatepass")).digest()
        claims = self._recall(digest)
        if claims is None:
            claims = await self._verify(credential)
            if claims is None:
                return None
            self._known[digest] = (claims, self._clock.monotonic() + self._remember)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return User(
            kind="user",
            subject=claims.subject,
            rights=frozenset(),
            name=claims.name,
            expires_at=claims.expires_at,
            session=claims.session,
        )

    async def authorize(self, principal: Principal, conversation: str) -> Principal:
        """The user as a member of the conversation. Raises Forbidden, Unauthorized for one who signed out,
        ConversationDeleted, and HistoryUnavailable when that cannot be told."""
        # The gate asks about those alone whom this authenticator recognized.
        user = cast("User", principal)
        found = await self._memberships.find(conversation, user.subject, user.session)
        if found.session is False:
            raise Unauthorized("This session was signed out. Sign in again.")
        if found.deleted:
            raise ConversationDeleted(conversation)
        if found.role is None:
            raise Forbidden(
                "This user is no member of this conversation. Whoever made it adds members: PATCH "
                "/v1/conversations/{id} with `members`."
            )
        is_agent = found.role == "agent"
        return msgspec.structs.replace(
            user,
            rights=AGENT if is_agent else MEMBER,
            role="agent" if is_agent else "user",
            name=clean_name(found.name or "") or user.name,
            conversation=conversation,
            # A conversation that is made anew has other members, whatever is remembered here.
            epoch=found.epoch,
            topic=found.topic,
        )

    def _recall(self, digest: bytes) -> Claims | None:
        known = self._known.get(digest)
        if known is None:
            return None
        claims, until = known
        if self._clock.monotonic() >= until or self._clock.now().timestamp() >= claims.expires_at:
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return claims

    async def _verify(self, credential: str) -> Claims | None:
        looked = look(credential)
        if credential.startswith(("sb_secret_", "sb_publishable_")) or (looked and _is_api_key(looked)):
            raise Unauthorized(
                "This is an API key of Supabase. Send a key of Umbral Chat (core.keys), or a user's access token."
            )
        if looked is None or looked.issuer != self._rules.issuer:
            return None
        if looked.algorithm == SECRET:
            if self._secret is None:
                raise Unauthorized(
                    "This token is signed with a legacy secret (HS256), and none is set (supabase.jwt_secret)."
                )
            return verified(credential, self._secret.reveal(), SECRET, self._rules)
        if looked.algorithm not in PUBLIC or looked.kid is None:
            raise Unauthorized("This token does not hold.")
        key = await self._jwks.key(looked.kid)
        # The algorithm is the key's and not the token's, so that none can be played off against another.
        if key is None or key.algorithm_name != looked.algorithm:
            raise Unauthorized("This token is signed with a key that the project does not have.")
        return verified(credential, key.key, key.algorithm_name, self._rules)


def _is_api_key(looked: Looked) -> bool:
    """The legacy keys are JWTs of the issuer `supabase`."""
    return looked.issuer == "supabase" and looked.role in {"anon", "service_role"}


__all__ = ["SupabaseUsers", "User"]
