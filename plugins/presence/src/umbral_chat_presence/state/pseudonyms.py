"""Pseudonyms: opaque names that distinguish the people of a conversation without identifying them."""

from __future__ import annotations

import base64
from hashlib import blake2b

KEY_BYTES = 32
"""Length of the key: it cannot be guessed, so nobody can find the person of a name by trying ids."""

NAME_BYTES = 9
"""Length of a name before base64, which makes 12 characters of it. 72 bits: no two among millions of people of one
conversation would share it."""


class Pseudonyms:
    """Pseudonyms by a secret key: equal on all instances with that key, and different in each conversation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def use(self, key: bytes) -> None:
        """Replace the key, before any name is used."""
        self._key = key

    def name(self, conversation: str, key: str) -> str:
        """The name of a person in a conversation. Neither holds a NUL."""
        digest = blake2b(f"{conversation}\0{key}".encode(), key=self._key, digest_size=NAME_BYTES).digest()
        return base64.urlsafe_b64encode(digest).decode("ascii")


__all__ = ["KEY_BYTES", "NAME_BYTES", "Pseudonyms"]
