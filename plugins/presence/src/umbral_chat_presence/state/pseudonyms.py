"""Opaque names: what tells people of one conversation apart without saying who they are."""

from __future__ import annotations

import base64
from hashlib import blake2b

KEY_BYTES = 32
"""Length of the key: unguessable, so that nobody finds out who a name is by trying ids."""

NAME_BYTES = 9
"""Length of a name before base64, which makes 12 characters of it. 72 bits: among the millions of people of one
conversation none would share it."""


class Pseudonyms:
    """Pseudonyms by a secret key: the same wherever the key is, and others in every conversation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def use(self, key: bytes) -> None:
        """Take another key, before any name was told."""
        self._key = key

    def name(self, conversation: str, key: str) -> str:
        """The name of a person in a conversation. Neither holds a NUL."""
        digest = blake2b(f"{conversation}\0{key}".encode(), key=self._key, digest_size=NAME_BYTES).digest()
        return base64.urlsafe_b64encode(digest).decode("ascii")


__all__ = ["KEY_BYTES", "NAME_BYTES", "Pseudonyms"]
