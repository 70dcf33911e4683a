"""What the server sends, as bytes: frames of RFC 6455 around JSON, which are written to the transport as they are."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from umbral_chat.errors import RequestError
from umbral_chat.feed import EncodedEntry
from umbral_chat.http_kit.websocket import encode_text

_encode = msgspec.json.Encoder().encode


class SocketFormat:
    """The form of streams on a WebSocket (`FrameFormat`): one text frame for each entry, signal and status."""

    __slots__ = ()

    def entries(self, conversation: str, epoch: str, entries: Sequence[EncodedEntry]) -> bytes:
        """The entries, each with the cursor behind it."""
        # The ids of conversations and epochs have no character that JSON escapes.
        head = f'{{"type":"entry","conversation":"{conversation}","cursor":"{epoch}.'.encode()
        return b"".join(encode_text(b'%s%d","entry":%s}' % (head, entry.seq, entry.json)) for entry in entries)

    def signal(self, conversation: str, signal: bytes) -> bytes:
        """A signal, which is given as JSON."""
        return encode_text(b'{"type":"signal","conversation":"%s","signal":%s}' % (conversation.encode(), signal))

    def status(self, conversation: str, status: bytes) -> bytes:
        """A status, which is given as JSON."""
        return encode_text(b'{"type":"status","conversation":"%s","status":%s}' % (conversation.encode(), status))

    def heartbeat(self) -> bytes:
        """None: the server pings."""
        return b""


FORMAT = SocketFormat()
"""One for all sockets, so that the hub encodes once for them."""


def frame(message: msgspec.Struct | dict[str, Any]) -> bytes:
    """One frame of the server."""
    return encode_text(_encode(message))


def result(id: str, value: Any) -> bytes:  # noqa: A002 - the frame's own field
    """The result of the frame with this id; `value` may be encoded JSON (`msgspec.Raw`)."""
    return frame({"type": "result", "id": id, "result": value})


def error(id: str | None, problem: RequestError) -> bytes:  # noqa: A002
    """The error of the frame with this id."""
    members: dict[str, Any] = {
        "status": problem.status,
        "code": problem.code,
        "title": HTTPStatus(problem.status).phrase,
        "detail": problem.detail,
    }
    if problem.field is not None:
        members["field"] = problem.field
    if problem.limit is not None:
        members["limit"] = problem.limit
    if (after := problem.headers.get("Retry-After", "")).isdigit():
        members["retry_after"] = int(after)
    members |= problem.extra
    return frame({"type": "error", "error": members} if id is None else {"type": "error", "id": id, "error": members})


__all__ = ["FORMAT", "SocketFormat", "error", "frame", "result"]
