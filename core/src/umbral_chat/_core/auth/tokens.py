"""Conversation tokens: signed by this service, used by a visitor, valid for one conversation until they expire."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal

import jwt
import msgspec

from umbral_chat._core.auth.token_claims import (
    AUDIENCE,
    ISSUER,
    MEDIA_TYPE,
    Claims,
    check_claims,
    check_ttl,
    principal_of,
)
from umbral_chat._core.runtime.lru import Lru
from umbral_chat._core.settings.secret import Secret
from umbral_chat.clock import Clock
from umbral_chat.errors import InvalidRequest, SettingsError, StoreError, Unauthorized
from umbral_chat.model.display_names import clean_name
from umbral_chat.model.entries import Role
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.store import SharedStore

ALGORITHMS: Final = ["HS256"]
"""Fixed: the algorithm is never taken from the token (RFC 8725, 3.1)."""

SECRET_BYTES = 32
"""A key has at least the length of the hash's output (RFC 7518, 3.2)."""

VERIFIED_CACHE_SIZE = 16_384
"""Verified tokens that are cached, at about 1 KiB each."""

_DRAWN_SECRET = re.compile(rb"[0-9a-f]{64}\Z")


class TokenIssuer:
    """Signs tokens with the first secret and verifies them with all, so that secrets can be rotated.

    Raises SettingsError without a secret, and for one that is too short or is a key of another kind.
    """

    def __init__(self, secrets: Sequence[Secret], clock: Clock) -> None:
        if not secrets:
            raise SettingsError("core.token_secrets: there is no secret to sign conversation tokens with.")
        self._keys = tuple(secrets)
        self._clock = clock
        for number, secret in enumerate(self._keys):
            _check_secret(number, secret)

    def issue(
        self,
        conversation: str,
        epoch: str | None,
        subject: str,
        name: str | None,
        role: Role,
        rights: Iterable[str],
        ttl: float,
    ) -> tuple[str, datetime]:
        """A new token and when it expires (UTC, whole seconds; at most `ttl` seconds from now).

        `epoch` None binds it to the conversation's id alone: only for one that was never created. Which role the
        caller may issue is decided by `senders.token_role`. Raises InvalidRequest that names the field and its limit.
        """
        granted = check_claims(conversation, epoch, subject, name, role, rights)
        check_ttl(ttl)
        now = self._clock.now().timestamp()
        expires = int(now + ttl)
        claims = Claims(
            iss=ISSUER,
            aud=AUDIENCE,
            sub=subject,
            exp=expires,
            iat=int(now),
            jti=secrets.token_urlsafe(12),
            conv=conversation,
            epoch=epoch,
            role=role,
            name=None if name is None else clean_name(name),
            rights=sorted(granted),
        )
        # `nbf` has its default: it is left out.
        payload = {key: value for key, value in msgspec.structs.asdict(claims).items() if key != "nbf"}
        token = jwt.encode(payload, _bytes(self._keys[0]), algorithm=ALGORITHMS[0], headers={"typ": MEDIA_TYPE})
        return token, datetime.fromtimestamp(expires, UTC)

    def verify(self, token: str) -> Principal | None:
        """The principal of `token`; None when its issuer claim is not this service.

        Raises Unauthorized: `token_expired` for a genuine but expired token, `unauthorized` for any other that is not
        valid.
        """
        if not _names_our_issuer(token):
            return None
        claims = self._genuine(token)
        if claims is None:
            raise Unauthorized("This conversation token is not valid here. Ask for a new one.")
        now = self._clock.now().timestamp()
        if now >= claims.exp:
            raise expired()
        if now < claims.nbf:
            raise Unauthorized("This conversation token is not valid yet.")
        return _principal(claims)

    def _genuine(self, token: str) -> Claims | None:
        # Nothing is raised from within an `except`: PyJWT's errors may quote the token, and would be its context.
        for secret in self._keys:
            try:
                decoded = jwt.decode_complete(token, _bytes(secret), algorithms=ALGORITHMS, options=_OPTIONS)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, RecursionError, ValueError):
                return None
            return _claims(token, decoded)
        return None


class TokenAuthenticator:
    """Recognizes conversation tokens. Caches verified ones by their SHA-256, never beyond their expiry."""

    name = "tokens"
    rank = 10
    reusable: Literal[True] = True

    def __init__(self, issuer: TokenIssuer, clock: Clock, *, capacity: int = VERIFIED_CACHE_SIZE) -> None:
        self._issuer = issuer
        self._clock = clock
        self._verified: Lru[bytes, Principal] = Lru(capacity)

    async def authenticate(self, credential: str) -> Principal | None:
        """The principal, or None for a credential that is no conversation token. Raises as `TokenIssuer.verify`."""
        if not credential.isascii():
            return None
        digest = sha256(credential.encode()).digest()
        principal = self._verified.get(digest)
        if principal is None:
            principal = self._issuer.verify(credential)
            if principal is not None:
                self._verified.put(digest, principal)
        elif principal.expires_at is None or self._clock.now().timestamp() >= principal.expires_at:
            self._verified.drop(digest)
            raise expired()
        return principal


async def load_secrets(configured: Sequence[Secret], store: SharedStore) -> list[Secret]:
    """The configured secrets, or else one that is generated once and kept in the shared store.

    Processes that start at the same time on one store agree on it. Raises StoreError when what is kept there is
    no such secret, and HistoryUnavailable when the store cannot be reached.
    """
    if configured:
        return list(configured)
    drawn = secrets.token_hex(SECRET_BYTES).encode()
    record = await store.get("core", "token-secret")
    if record is None:
        record = await store.compare_and_set("core", "token-secret", drawn, expect=0)
    if record is None:  # another process was first
        record = await store.get("core", "token-secret")
    if record is None or not _DRAWN_SECRET.match(record.value):
        raise StoreError(
            "The shared store's record core/token-secret is not a secret that this service drew. "
            "Delete the record (all conversation tokens end), or set core.token_secrets."
        )
    return [Secret(record.value.decode("ascii"))]


def expired() -> Unauthorized:
    """The error for an expired token."""
    return Unauthorized("This conversation token has expired. Ask for a new one.", code="token_expired")


# Times are checked by the service's own clock, and the audience must be exactly ours, not one of several.
_OPTIONS: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}


class _Peek(msgspec.Struct):
    iss: str | None = None


def _names_our_issuer(token: str) -> bool:
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        return False
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=_Peek).iss == ISSUER
    except (ValueError, RecursionError):  # also binascii's and msgspec's errors
        return False


def _claims(token: str, decoded: dict[str, Any]) -> Claims | None:
    # Only the canonical base64 of a signature is valid: else the last character's spare bits, or padding, would give
    # one token several spellings.
    spelt = base64.urlsafe_b64encode(decoded["signature"]).rstrip(b"=").decode()
    if decoded["header"].get("typ") != MEDIA_TYPE or token.rpartition(".")[2] != spelt:
        return None
    try:
        claims = msgspec.convert(decoded["payload"], Claims)
    except msgspec.ValidationError:
        return None
    return claims if claims.iss == ISSUER and claims.aud == AUDIENCE else None


def _principal(claims: Claims) -> Principal:
    wrong = None
    try:
        return principal_of(claims)
    except InvalidRequest as error:
        wrong = error.field
    raise Unauthorized(f"This conversation token is signed, but its {wrong} breaks the rules for tokens.")


def _bytes(secret: Secret) -> bytes:
    # A lone surrogate must not raise: the secret would be in the error.
    return secret.reveal().encode("utf-8", "surrogatepass")


def _check_secret(number: int, secret: Secret) -> None:
    key = _bytes(secret)
    if len(key) < SECRET_BYTES:
        raise SettingsError(
            f"core.token_secrets[{number}] has {len(key)} bytes; it needs {SECRET_BYTES} or more. "
            "Draw one with: openssl rand -hex 32"
        )
    fit = True
    try:
        jwt.encode({}, key, algorithm=ALGORITHMS[0])
    except jwt.InvalidKeyError:
        fit = False
    if not fit:
        raise SettingsError(
            f"core.token_secrets[{number}] is a public key, certificate or JWK; a plain random text is needed."
        )


__all__ = ["ALGORITHMS", "SECRET_BYTES", "TokenAuthenticator", "TokenIssuer", "expired", "load_secrets"]
