"""What an answer tells of drafts and typing, and its version, by which a client says that it was told."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from umbral_chat.drafts import DraftView
from umbral_chat.providers.presence import PersonTyping

_encoder = msgspec.json.Encoder()


class Told(NamedTuple):
    """Drafts and typing of one moment, as JSON."""

    drafts: bytes
    typing: bytes

    @classmethod
    def of(cls, drafts: Sequence[DraftView], typing: Sequence[PersonTyping]) -> Told:
        """Encoded."""
        return cls(_encoder.encode(drafts) if drafts else b"[]", _encoder.encode(typing) if typing else b"[]")

    @property
    def version(self) -> str:
        """A hash, so that it is the same at every instance and in every mode: a client may ask any, and its next answer
        comes at once or late because of what there is to tell, not because of whom it asked."""
        return _version(self)


@lru_cache(maxsize=1024)
def _version(told: Told) -> str:
    digest = blake2b(b"\0".join(told), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")


__all__ = ["Told"]
