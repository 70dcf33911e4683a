"""Verification of users' tokens. Pure: takes a token and a key, returns the claims.

The claims are those of Supabase Auth's AccessTokenClaims: `iss` is the project's URL with /auth/v1, `sub` the user's
uuid, `aud` and `role` are `authenticated`, `session_id` the session, `is_anonymous` whether the user has no account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
import msgspec
from umbral_chat.errors import Unauthorized
from umbral_chat.model.display_names import clean_name

PUBLIC_ALGORITHMS = frozenset({"ES256", "RS256"})
"""Algorithms of published keys."""

SECRET_ALGORITHM = "HS256"  # noqa: S105  # an algorithm's name
"""Algorithm of legacy projects, which sign with a shared secret."""

MAX_EXPIRY = 2**40
"""Largest `exp` that is accepted, in Unix seconds: past every date, and small enough for floats and timers."""

_MALFORMED_CLAIM_ERRORS = (ValueError, TypeError, OverflowError, AttributeError, LookupError, RecursionError)
"""Exceptions that PyJWT does not catch for claims whose JSON has another type than it expects."""

SESSION_LIMIT = 128
"""Characters of a session's id, which is a uuid."""

AGENT_ROLE = "agent"
"""What a user's `operator_claim` is, or has in it. The same word as the role of a conversation's member."""

NAME_LIMIT = 200
"""Characters of a name that are kept."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What the claims of a token must be. `leeway` in seconds; `anonymous`: whether anonymous users are allowed;
    `operator_claim`: what in its `app_metadata` makes a user an operator, None: nothing does."""

    issuer: str
    audience: str
    leeway: float
    anonymous: bool
    operator_claim: str | None = None


class Claims(msgspec.Struct, frozen=True):
    """The claims of a verified token that are used here. `expires_at` in Unix seconds, leeway included."""

    subject: str
    expires_at: float
    session: str | None = None
    name: str | None = None
    operator: bool = False


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What an unverified token claims about its issuer and key, to select how it is verified."""

    issuer: str | None
    role: str | None
    algorithm: str
    kid: str | None


def parse_unverified(token: str) -> UnverifiedToken | None:
    """Parse a token without verifying it; None: it is no JWT."""
    try:
        header = jwt.get_unverified_header(token)
        payload = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, *_MALFORMED_CLAIM_ERRORS):
        return None
    algorithm, kid = header.get("alg"), header.get("kid")
    return UnverifiedToken(
        issuer=_text(payload.get("iss")),
        role=_text(payload.get("role")),
        algorithm=algorithm if isinstance(algorithm, str) else "",
        kid=kid if isinstance(kid, str) and len(kid) <= 256 else None,  # real ones are uuids
    )


def verify_token(token: str, key: Any, algorithm: str, rules: TokenRules) -> Claims:
    """The claims of a token that was signed with `key` by `algorithm` and satisfies the rules.

    Raises Unauthorized (`token_expired`, `unauthorized`); its text says what is wrong, and never contains the token.
    """
    try:
        payload = jwt.decode(
            token,
            key,
            [algorithm],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=rules.leeway,
            options={"require": ["exp", "sub", "iss", "aud"]},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthorized("This token has expired. Refresh the session.", code="token_expired") from None
    except jwt.InvalidAudienceError:
        raise Unauthorized(f"This token is for another audience than {rules.audience!r}.") from None
    except jwt.MissingRequiredClaimError as error:
        raise Unauthorized(f"This token lacks the claim {error.claim!r}.") from None
    except (jwt.PyJWTError, *_MALFORMED_CLAIM_ERRORS):
        raise Unauthorized("This token is not valid.") from None
    return _claims(payload, rules)


def _claims(payload: dict[str, Any], rules: TokenRules) -> Claims:
    if payload.get("role") != "authenticated":
        raise Unauthorized("This is no signed-in user's token: its role is not 'authenticated'.")
    try:
        subject = str(UUID(payload["sub"]))
    except (ValueError, AttributeError, TypeError):
        raise Unauthorized("This token's subject is not a user's id.") from None
    anonymous = payload.get("is_anonymous")
    # Compared by identity: a claim may be of any type, one without a hash or a 0 that equals false.
    has_account = anonymous is None or anonymous is False
    if not has_account and not rules.anonymous:
        raise Unauthorized(
            "Users who signed in anonymously are not allowed here (supabase.anonymous_users is false). Sign in with an "
            "account."
        )
    expires = payload["exp"]
    if not isinstance(expires, int | float) or not 0 <= expires <= MAX_EXPIRY:
        raise Unauthorized("This token's expiry (exp) is not a valid time.")
    # Not `user_metadata`, which users set themselves: any of them could be "Support Team".
    metadata = payload.get("app_metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    names = [metadata.get(key) for key in ("full_name", "name")]
    name = next((name for name in (clean_name(text[:NAME_LIMIT]) for text in map(_text, names) if text) if name), None)
    return Claims(
        subject=subject,
        expires_at=float(expires) + rules.leeway,
        session=_session(payload.get("session_id")),
        name=name,
        operator=has_account and rules.operator_claim is not None and _is_agent(metadata.get(rules.operator_claim)),
    )


def _is_agent(value: Any) -> bool:
    return value == AGENT_ROLE if isinstance(value, str) else isinstance(value, list) and AGENT_ROLE in value


def _session(value: Any) -> str | None:
    """The session's id, or None if the token belongs to none. Raises Unauthorized for an id that cannot be sent to
    the database: treated as none, the token would outlive the sign-out of its session."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isprintable() and len(value) <= SESSION_LIMIT:
        return value
    raise Unauthorized("This token's session_id is not a session's id.")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


__all__ = [
    "PUBLIC_ALGORITHMS",
    "SECRET_ALGORITHM",
    "Claims",
    "TokenRules",
    "UnverifiedToken",
    "parse_unverified",
    "verify_token",
]
