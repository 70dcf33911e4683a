"""The credential of an operator's session: drawn here, sent as a cookie, and bound to the service key that began it.

It is a random text and an HMAC (RFC 2104) of it under the key's SHA-256. So a credential of a key that was removed or
replaced is refused by every instance that no longer has it, and one that nobody was given is refused before the shared
store is asked: a stranger cannot cause reads.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from hashlib import sha256
from typing import NamedTuple

from umbral_chat._core.auth.keys import KnownKey

RANDOM_BYTES = 24
"""192 random bits."""

CREDENTIAL_CHARACTERS = 76
"""32 of the random part, a dot, and 43 of the HMAC."""

_FORM = re.compile(r"[A-Za-z0-9_-]{32}\.[A-Za-z0-9_-]{43}\Z")


class SigningKey(NamedTuple):
    """A service key as sessions know it."""

    key: KnownKey
    tag: str
    """Prefix of its sessions' records in the shared store: another one for another value of the key. From it the key's
    digest cannot be computed."""

    @classmethod
    def of(cls, key: KnownKey) -> SigningKey:
        """The same key, with its tag."""
        return cls(key, _mac(key, b"tag").hex()[:32])

    def draw(self) -> str:
        """A new credential."""
        random = secrets.token_urlsafe(RANDOM_BYTES)
        return f"{random}.{self._signature(random)}"

    def is_of(self, credential: str) -> bool:
        """Whether a credential, which has the right form, was drawn with this key. In constant time."""
        random, _, signature = credential.partition(".")
        return hmac.compare_digest(signature.encode(), self._signature(random).encode())

    def record(self, credential: str) -> str:
        """The name of the session's record: a hash, so that who reads the store cannot use it."""
        return f"{self.tag}:{sha256(credential.encode()).hexdigest()}"

    def _signature(self, random: str) -> str:
        return base64.urlsafe_b64encode(_mac(self.key, b"session", random.encode())).rstrip(b"=").decode()


def has_form(credential: str) -> bool:
    """Whether a text can be a credential at all."""
    return len(credential) == CREDENTIAL_CHARACTERS and _FORM.match(credential) is not None


def _mac(key: KnownKey, *parts: bytes) -> bytes:
    # Each part has its length before it, so that no two lists of parts make the same text.
    subject = key.principal.subject.encode("utf-8", "surrogatepass")
    text = b"".join(b"%d:%s" % (len(part), part) for part in (b"umbral-chat session", subject, *parts))
    return hmac.digest(key.digest, text, "sha256")


__all__ = ["CREDENTIAL_CHARACTERS", "RANDOM_BYTES", "SigningKey", "has_form"]
