"""Keyed hashes that stand for names outside `body`, and message ids that carry their own place."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from random import getrandbits

_DRAWN = re.compile(r"([1-9a-f][0-9a-f]{0,13})-[0-9a-f]{10}\Z")


class Names:
    """Hashes under a key that was drawn for this database, so that none can be looked up in a table made elsewhere."""

    def __init__(self, secret: bytes) -> None:
        @lru_cache(maxsize=65_536)
        def conversation(name: str) -> str:
            return blake2b(name.encode(), digest_size=16, key=secret, person=b"conversation").hexdigest()

        @lru_cache(maxsize=16_384)
        def subject(name: str) -> int:
            return _number(blake2b(name.encode(), digest_size=8, key=secret, person=b"subject"))

        self.conversation = conversation
        """128 bits in hex: two conversations must never meet."""
        self.subject = subject
        self._secret = secret

    def key(self, subject: str, key: str) -> int:
        """An idempotency key in the scope of its subject. 64 bits are enough inside one conversation: at a million
        keys the odds of a false conflict there are one in forty million."""
        text = f"{len(subject)}:{subject}{key}".encode()
        return _number(blake2b(text, digest_size=8, key=self._secret, person=b"key"))

    def message(self, message_id: str) -> int:
        """A message id that its caller chose."""
        return _number(blake2b(message_id.encode(), digest_size=8, key=self._secret, person=b"message"))


def _number(digest: blake2b) -> int:
    return int.from_bytes(digest.digest(), signed=True)


def drawn_id(seq: int) -> str:
    """A message id for the entry `seq`: it carries the number, which is no secret, beside 40 random bits. It is found
    through the log's own order, so it costs no index."""
    return f"{seq:x}-{getrandbits(40):010x}"


def drawn_seq(message_id: str) -> int | None:
    """The seq that a drawn id carries; None for what cannot be one."""
    match = _DRAWN.match(message_id)
    return None if match is None else int(match[1], 16)


__all__ = ["Names", "drawn_id", "drawn_seq"]
