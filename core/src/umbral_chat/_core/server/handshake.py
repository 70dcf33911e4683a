"""The opening handshake of a WebSocket (RFC 6455, section 4.2), read from a request's headers. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from hashlib import sha1

from umbral_chat.errors import InvalidRequest, UpgradeRequired

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""

VERSION = b"13"
"""The only version of the protocol (RFC 6455, section 4.1)."""

SUBPROTOCOLS = 16
"""Subprotocols that a client may offer: none is used by this service, and each is a text in the scope."""


def wants_websocket(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request offers to become a WebSocket."""
    upgrade = connection = False
    for name, value in headers:
        if name == b"upgrade":
            upgrade = upgrade or b"websocket" in _tokens(value)
        elif name == b"connection":
            connection = connection or b"upgrade" in _tokens(value)
    return upgrade and connection


def read_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The client's key. Raises UpgradeRequired for another version of the protocol, and InvalidRequest
    (`invalid_handshake`) for a key that is missing, sent twice or not 16 bytes in base64."""
    versions = [value.strip() for name, value in headers if name == b"sec-websocket-version"]
    if versions != [VERSION]:
        raise UpgradeRequired("The only version of WebSocket is 13 (Sec-WebSocket-Version).")
    keys = [value.strip() for name, value in headers if name == b"sec-websocket-key"]
    if len(keys) != 1 or not _is_key(keys[0]):
        raise InvalidRequest(
            "The header Sec-WebSocket-Key is missing, was sent twice, or is not 16 bytes in base64.",
            code="invalid_handshake",
            field="sec-websocket-key",
        )
    return keys[0]


def accept_of(key: bytes) -> bytes:
    """The value of Sec-WebSocket-Accept that proves to the client that its key was read."""
    return base64.b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def subprotocols(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The first `SUBPROTOCOLS` that the client offers."""
    offered = [
        text
        for name, value in headers
        if name == b"sec-websocket-protocol"
        for part in value.split(b",")
        if (text := part.strip().decode("latin-1"))
    ]
    return offered[:SUBPROTOCOLS]


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip() for token in value.lower().split(b",")]


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


__all__ = ["SUBPROTOCOLS", "VERSION", "accept_of", "read_key", "subprotocols", "wants_websocket"]
