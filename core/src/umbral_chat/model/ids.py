"""Ids that callers choose, ids that we draw, and the epoch of a log."""

from __future__ import annotations

import base64
import re
import secrets

from umbral_chat.errors import InvalidRequest

ID_LIMIT = 128
"""Longest id of a conversation, message, subject or client id, in characters."""

_CONVERSATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")
_EPOCH = re.compile(r"[a-z2-7]{10}\Z")


def check_conversation_id(value: str) -> str:
    """Return `value` if it may name a conversation: 1–128 of `A-Z a-z 0-9 . _ : -`, not `.` or `..`.

    Raises InvalidRequest (`invalid_conversation_id`) otherwise. The two dotted names are refused since clients and
    proxies resolve them away inside a URL's path.
    """
    if _CONVERSATION_ID.match(value) and value not in {".", ".."}:
        return value
    raise InvalidRequest(
        f"A conversation's id has 1 to {ID_LIMIT} of the characters A-Z a-z 0-9 . _ : - and is not '.' or '..'.",
        code="invalid_conversation_id",
        field="conversation",
        limit=ID_LIMIT,
    )


def new_conversation_id() -> str:
    """An id for a conversation whose caller named none: 16 random characters."""
    return _random_base32(10)


def new_message_id() -> str:
    """An id for a message whose sender named none: 16 random characters."""
    return _random_base32(10)


def new_epoch() -> str:
    """Draw the identity of a new log: 10 characters of base32 (50 random bits)."""
    return _random_base32(7)[:10]


def is_epoch(value: str) -> bool:
    """Whether `value` has the form of an epoch."""
    return _EPOCH.match(value) is not None


def _random_base32(size: int) -> str:
    return base64.b32encode(secrets.token_bytes(size)).decode("ascii").rstrip("=").lower()


__all__ = [
    "ID_LIMIT",
    "check_conversation_id",
    "is_epoch",
    "new_conversation_id",
    "new_epoch",
    "new_message_id",
]
