"""A place in the inbox, as a token that callers send back."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import msgspec
from umbral_chat.errors import InvalidRequest


class InboxCursor(msgspec.Struct, array_like=True):
    """After this conversation the next page begins."""

    at: datetime
    id: str


_decoder = msgspec.json.Decoder(InboxCursor)


def token(place: InboxCursor) -> str:
    """The opaque form."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode("ascii").rstrip("=")


def parse(before: str) -> InboxCursor:
    """The place again. Raises InvalidRequest (`invalid_cursor`)."""
    try:
        text = before.encode("ascii")
        place = _decoder.decode(base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if place.at.tzinfo is not None and "\0" not in place.id:
            return place
    except (ValueError, binascii.Error, msgspec.DecodeError):
        pass
    raise InvalidRequest(
        "before is not a place in the inbox. Send back a `before` exactly as it was given.",
        code="invalid_cursor",
        field="before",
    )


__all__ = ["InboxCursor", "parse", "token"]
