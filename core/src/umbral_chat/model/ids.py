"""Ids that callers choose, ids that the service generates, and the epochs of logs."""

from __future__ import annotations

import base64
import re
import secrets

from umbral_chat.errors import InvalidRequest

ID_LIMIT = 128
"""Longest id of a conversation, message, subject or client id, in characters."""

ID_CHARACTERS = "A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , ; = : @"
"""The characters of ids of conversations and messages: those that a segment of a URL's path may contain unescaped (RFC
3986, section 3.3, `pchar`). Topics of Supabase Realtime may contain them, too; `/` is the separator in both."""

_ID = re.compile(r"(?!\.{1,2}(?:;|\Z))[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,128}\Z")
_ESCAPED = re.compile(r"[^A-Za-z0-9\-._!$&'()*+,;=:@]")
_ESCAPE = re.compile(r"~([0-9A-F]{2})?")
_DOTS = re.compile(r"\.{1,2}(?=;|\Z)")
_EPOCH = re.compile(r"[a-z2-7]{10}\Z")


def is_id(value: str) -> bool:
    """Whether `value` may name a conversation or a message: 1–128 of `ID_CHARACTERS`, not `.` or `..`.

    The two dotted names are refused because clients and proxies resolve them inside a URL's path, and so is an id that
    begins with one and a semicolon, which servers that support path parameters (RFC 3986, section 3.3) read as the
    name."""
    return _ID.match(value) is not None


def check_conversation_id(value: str) -> str:
    """Return `value` if it may name a conversation, as `is_id` has it.

    Raises InvalidRequest (`invalid_conversation_id`) otherwise.
    """
    if is_id(value):
        return value
    raise InvalidRequest(
        f"A conversation's id has 1 to {ID_LIMIT} of the characters {ID_CHARACTERS} and is not '.' or '..'. Other "
        "characters are written as ~ and two hexadecimal digits for each byte of UTF-8 (/ is ~2F).",
        code="invalid_conversation_id",
        field="conversation",
        limit=ID_LIMIT,
    )


def encode_id(value: str) -> str:
    """The id for a platform's own name of a conversation or message, whatever characters it has.

    Characters that an id may have stay as they are; every other one, and `~`, becomes `~` and two upper-case
    hexadecimal digits for each byte of its UTF-8. No two values have the same id; `decode_id` is the inverse. Raises
    InvalidRequest (`invalid_field`) for empty text, for a lone surrogate, and where the id would be longer than
    `ID_LIMIT`.
    """
    dots = _DOTS.match(value)
    start = dots.end() if dots else 0
    try:
        found = "".join(
            _escape(one) if place < start or _ESCAPED.match(one) else one for place, one in enumerate(value)
        )
    except UnicodeEncodeError:
        raise InvalidRequest("A lone surrogate cannot be part of an id.", code="invalid_field") from None
    if not 1 <= len(found) <= ID_LIMIT:
        raise InvalidRequest(
            f"The id would have {len(found)} characters; 1 to {ID_LIMIT} are allowed. For longer ones take a hash, and "
            "keep the platform's id in the metadata.",
            code="invalid_field",
            limit=ID_LIMIT,
        )
    return found


def decode_id(value: str) -> str:
    """The inverse of `encode_id`. Raises InvalidRequest (`invalid_field`) for a value that it cannot return."""
    try:
        # A ~ that begins no escape is kept here; encoding the result again then differs from `value`.
        raw = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[0], value).encode("latin-1")
        if encode_id(found := raw.decode()) == value:
            return found
    except (UnicodeError, InvalidRequest):
        pass
    raise InvalidRequest(f"{value!r} was not made by encode_id.", code="invalid_field")


def new_conversation_id() -> str:
    """A new random id of a conversation: 16 characters."""
    return _random_base32(10)


def new_message_id() -> str:
    """A new random id of a message: 16 characters."""
    return _random_base32(10)


def new_epoch() -> str:
    """A new random epoch of a log: 10 characters of base32 (50 bits)."""
    return _random_base32(7)[:10]


def is_epoch(value: str) -> bool:
    """Whether `value` has the form of an epoch."""
    return _EPOCH.match(value) is not None


def _escape(one: str) -> str:
    return "".join(f"~{byte:02X}" for byte in one.encode())


def _random_base32(size: int) -> str:
    return base64.b32encode(secrets.token_bytes(size)).decode("ascii").rstrip("=").lower()


__all__ = [
    "ID_CHARACTERS",
    "ID_LIMIT",
    "check_conversation_id",
    "decode_id",
    "encode_id",
    "is_epoch",
    "is_id",
    "new_conversation_id",
    "new_epoch",
    "new_message_id",
]
