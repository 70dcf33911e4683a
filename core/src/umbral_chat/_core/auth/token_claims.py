"""The claims of a conversation token, and their rules, which hold for issuing and for verifying alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final, get_args

import msgspec
from msgspec import Meta

from umbral_chat._core.auth.rights import TOKEN_RIGHTS
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.display_names import clean_name
from umbral_chat.model.entries import Role
from umbral_chat.model.ids import ID_LIMIT, check_conversation_id, is_epoch
from umbral_chat.model.internal import is_internal
from umbral_chat.model.validation import check_display_name
from umbral_chat.providers.auth import Principal, Right

ISSUER: Final = "umbral-chat"
AUDIENCE: Final = "umbral-chat"
MEDIA_TYPE: Final = "umbral-chat+jwt"
"""The header's `typ`: explicit, so that no other kind of token that is signed with the same secret passes for one
(RFC 8725, 3.11)."""

MIN_TTL = 60
"""Seconds. A shorter-lived token would expire between two polls of a client in the background."""
MAX_TTL = 30 * 86_400
"""Seconds. A token cannot be revoked: it ends when it expires, or with its conversation."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

UnixTime = Annotated[int, Meta(ge=0, le=2**40)]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The payload. Every claim is required; `epoch` and `name` may be null; unknown claims are ignored, as RFC 7519 has
    it. `nbf` is not issued but honoured, for tokens that are signed elsewhere with a shared secret."""

    iss: str
    aud: str
    sub: str
    exp: UnixTime
    iat: UnixTime
    jti: str
    conv: str
    epoch: str | None
    role: Role
    name: str | None
    rights: list[str]
    nbf: UnixTime = 0


def check_claims(
    conversation: str, epoch: str | None, subject: str, name: str | None, role: str, rights: Iterable[str]
) -> frozenset[Right]:
    """Check a token's contents and return its rights. Raises InvalidRequest that names the field and the limit."""
    check_conversation_id(conversation)
    if is_internal(conversation):
        raise InvalidRequest(
            "There are no tokens for an internal conversation, which visitors must not see.",
            code="invalid_field",
            field="conversation",
        )
    if epoch is not None and not is_epoch(epoch):
        raise InvalidRequest("epoch is not the epoch of a log.", code="invalid_field", field="epoch")
    _check_text("subject", subject)
    if subject == "local" or subject.startswith("key:"):
        # Read markers, idempotency keys and ownership are kept by subject: a visitor must not share a service's.
        raise InvalidRequest(
            "subject may not be 'local' or begin with 'key:', which are reserved.",
            code="invalid_field",
            field="subject",
        )
    if name is not None:
        check_display_name(name, field="name")
    if role not in get_args(Role):
        raise InvalidRequest(f"role is one of {', '.join(get_args(Role))}.", code="invalid_field", field="role")
    wanted = frozenset(rights)
    granted = TOKEN_RIGHTS & wanted
    if not wanted or wanted != granted:
        raise InvalidRequest(
            f"rights of a token are one or more of {', '.join(sorted(TOKEN_RIGHTS))}.",
            code="invalid_field",
            field="rights",
        )
    return granted


def check_ttl(ttl: float) -> None:
    """Check a time to live (seconds). Raises InvalidRequest with the bound that was exceeded."""
    if not MIN_TTL <= ttl <= MAX_TTL:
        limit = MAX_TTL if ttl > MAX_TTL else MIN_TTL
        raise InvalidRequest(
            f"ttl is from {MIN_TTL} to {MAX_TTL} seconds.", code="invalid_field", field="ttl", limit=limit
        )


def principal_of(claims: Claims) -> Principal:
    """The principal of a token. Raises InvalidRequest as `check_claims` does."""
    rights = check_claims(claims.conv, claims.epoch, claims.sub, claims.name, claims.role, claims.rights)
    return Principal(
        kind="token",
        subject=claims.sub,
        rights=rights,
        conversation=claims.conv,
        epoch=claims.epoch,
        role=claims.role,
        name=None if claims.name is None else clean_name(claims.name),
        expires_at=float(claims.exp),
    )


def _check_text(field: str, text: str) -> None:
    if not 1 <= len(text) <= ID_LIMIT or _UNPRINTABLE.search(text):
        raise InvalidRequest(
            f"{field} has 1 to {ID_LIMIT} characters and no control characters.",
            code="invalid_field",
            field=field,
            limit=ID_LIMIT,
        )


__all__ = [
    "AUDIENCE",
    "ISSUER",
    "MAX_TTL",
    "MEDIA_TYPE",
    "MIN_TTL",
    "Claims",
    "check_claims",
    "check_ttl",
    "principal_of",
]
