"""Service keys: recognized by their SHA-256, in a time that does not depend on which key was presented."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Literal, NamedTuple

from umbral_chat._core.auth.rights import expand
from umbral_chat._core.settings.sections import Key
from umbral_chat.errors import SettingsError
from umbral_chat.providers.auth import Principal, Right


class KnownKey(NamedTuple):
    """A configured key: its SHA-256, and who calls with it."""

    digest: bytes
    principal: Principal


class KeyAuthenticator:
    """Recognizes the configured service keys. Keeps their digests, never the keys.

    The principal is of kind `key`, its subject `key:NAME`. Raises SettingsError for a key without exactly one of
    `key` and `sha256`, an empty or padded key, an unknown right, and for two of one name or one value.
    """

    name = "keys"
    rank = 0
    reusable: Literal[True] = True

    def __init__(self, keys: Sequence[Key]) -> None:
        self._entries: list[KnownKey] = []
        for key in keys:
            principal = Principal(kind="key", subject=f"key:{key.name}", rights=_rights(key))
            digest = _digest_of(key)
            if any(other.subject == principal.subject for _, other in self._entries):
                raise SettingsError(f"core.keys names {key.name!r} twice: give each key its own name.")
            if any(other == digest for other, _ in self._entries):
                raise SettingsError(f"core.keys {key.name!r} has the value of another key: give each its own.")
            self._entries.append(KnownKey(digest, principal))

    @property
    def keys(self) -> Sequence[KnownKey]:
        """Every configured key."""
        return tuple(self._entries)

    async def authenticate(self, credential: str) -> Principal | None:
        """The key's principal, or None. Every digest is compared, even after a match."""
        presented = _sha256(credential)
        found = None
        for digest, principal in self._entries:
            if compare_digest(digest, presented):
                found = principal
        return found


def _sha256(text: str) -> bytes:
    # A lone surrogate must not raise: the text would be in the error.
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _digest_of(key: Key) -> bytes:
    if (key.key is None) == (key.sha256 is None):
        raise SettingsError(f"core.keys {key.name!r} needs either `key` or `sha256`, and not both.")
    if key.key is not None:
        text = key.key.reveal()
        if not text or text != text.strip():
            raise SettingsError(
                f"core.keys {key.name!r} is empty or begins or ends with white space, which no header can carry."
            )
        return _sha256(text)
    try:
        digest = bytes.fromhex(key.sha256 or "")
    except ValueError:
        digest = b""
    if len(digest) != sha256().digest_size:
        raise SettingsError(f"core.keys {key.name!r}: sha256 is 64 hexadecimal digits.")
    return digest


def _rights(key: Key) -> frozenset[Right]:
    try:
        return expand(key.rights)
    except ValueError as error:
        raise SettingsError(f"core.keys {key.name!r}: {error}") from None


__all__ = ["KeyAuthenticator", "KnownKey"]
