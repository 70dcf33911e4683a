"""Internal conversations: what operators write about a conversation, and visitors never see.

A principal that may read a conversation reads every entry of it whole. So notes to colleagues, late answers of an
assistant, and internal metadata belong in a second conversation, `internal:{id}`. Conversation tokens, and members with
another role than `agent`, have no right on it, even if they were granted one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from umbral_chat.model.ids import ID_LIMIT

PREFIX: Final = "internal:"
"""Before a conversation's id: the id of its internal conversation."""

LONG_PREFIX: Final = "internal.sha256:"
"""The same for an id that is too long for `PREFIX`, before the SHA-256 of that id in hex. It is another prefix, so that
no short id has the same internal conversation."""


def internal_id(conversation: str) -> str:
    """The id of the internal conversation of `conversation`.

    `internal:` and its id, if that has at most 128 characters, so for ids of up to 119. For longer ids
    `internal.sha256:` and the SHA-256 of the id (UTF-8) in lower-case hex.
    """
    plain = PREFIX + conversation
    if len(plain) <= ID_LIMIT:
        return plain
    return LONG_PREFIX + sha256(conversation.encode()).hexdigest()


def is_internal(conversation: str) -> bool:
    """Whether this is the id of an internal conversation."""
    return conversation.startswith((PREFIX, LONG_PREFIX))


__all__ = ["LONG_PREFIX", "PREFIX", "internal_id", "is_internal"]
