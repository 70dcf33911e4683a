"""Keyed hashes that stand for ids and subjects outside `body`, and message ids that carry their own seq."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from random import getrandbits

_GENERATED = re.compile(r"([1-9a-f][0-9a-f]{0,13})-[0-9a-f]{10}\Z")


class HashedIds:
    """Hashes under a key that was drawn for this database, so that no table computed elsewhere holds them."""

    def __init__(self, secret: bytes) -> None:
        @lru_cache(maxsize=65_536)
        def conversation(name: str) -> str:
            return blake2b(name.encode(), digest_size=16, key=secret, person=b"conversation").hexdigest()

        @lru_cache(maxsize=16_384)
        def subject(name: str) -> int:
            return _number(blake2b(name.encode(), digest_size=8, key=secret, person=b"subject"))

        self.conversation = conversation
        """128 bits in hex: the hashes of two conversations must never collide."""
        self.subject = subject
        self._secret = secret

    def key(self, subject: str, key: str) -> int:
        """An idempotency key in the scope of its subject. 64 bits are enough inside one conversation: at a million
        keys the odds of a false conflict there are one in forty million."""
        text = f"{len(subject)}:{subject}{key}".encode()
        return _number(blake2b(text, digest_size=8, key=self._secret, person=b"key"))

    def message(self, message_id: str) -> int:
        """The hash of a message id that its caller chose."""
        return _number(blake2b(message_id.encode(), digest_size=8, key=self._secret, person=b"message"))


def _number(digest: blake2b) -> int:
    return int.from_bytes(digest.digest(), signed=True)


def generate_id(seq: int) -> str:
    """A message id for the entry `seq`: it carries the number, which is no secret, and 40 random bits. It is found
    through the log's own order, so it needs no index."""
    return f"{seq:x}-{getrandbits(40):010x}"


def seq_in_id(message_id: str) -> int | None:
    """The seq that a generated id carries; None for what cannot be one."""
    match = _GENERATED.match(message_id)
    return None if match is None else int(match[1], 16)


__all__ = ["HashedIds", "generate_id", "seq_in_id"]
