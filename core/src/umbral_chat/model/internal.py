"""Internal conversations: what the operators keep beside a conversation, and visitors never see.

Whoever may read a conversation reads every entry of it whole. A note to colleagues, an assistant's answer that came
too late, and internal metadata therefore go to a second conversation, `internal:{id}`. Conversation tokens, and members
with another role than `agent`, have no right on it, whatever anybody granted them.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from umbral_chat.model.ids import ID_LIMIT

PREFIX: Final = "internal:"
"""Before a conversation's id: its internal one."""

LONG_PREFIX: Final = "internal.sha256:"
"""Before the SHA-256 of a conversation's id in hex: the internal one of an id that is too long for `PREFIX`. Another
prefix, so that no short id has the same."""


def internal_id(conversation: str) -> str:
    """The id of the internal conversation of `conversation`.

    `internal:` and its id, as long as that has 128 characters at most, so for ids of up to 119. Beyond it
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
