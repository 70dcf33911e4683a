"""A position in the inbox, as an opaque token that callers send back."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import msgspec
from umbral_chat.errors import InvalidRequest


class InboxCursor(msgspec.Struct, array_like=True):
    """The conversation after which the next page begins, with the time of its last activity."""

    at: datetime
    id: str


_decoder = msgspec.json.Decoder(InboxCursor)


def encode(cursor: InboxCursor) -> str:
    """The opaque token."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode("ascii").rstrip("=")


def decode(before: str) -> InboxCursor:
    """The cursor of a token. Raises InvalidRequest (`invalid_cursor`)."""
    try:
        text = before.encode("ascii")
        cursor = _decoder.decode(base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if cursor.at.tzinfo is not None and "\0" not in cursor.id:
            return cursor
    except (ValueError, binascii.Error, msgspec.DecodeError):
        pass
    raise InvalidRequest(
        "before is not a place in the inbox. Send back a `before` exactly as it was given.",
        code="invalid_cursor",
        field="before",
    )


__all__ = ["InboxCursor", "decode", "encode"]
