"""Server-Sent Events (WHATWG HTML, section 9.2): how an event looks on the wire. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from umbral_chat.feed import EncodedEntry
from umbral_chat.http_kit.raw_writer import chunk

from umbral_chat_streaming.status import Closed, encode_status

RETRY = 2000
"""Milliseconds after which a browser's EventSource comes back when the connection breaks: its own default is about as
much, but not specified."""


class SseFormat(NamedTuple):
    """JSON has no line breaks outside of strings, and in them they are escaped: an event's data is one line.

    `chunked`: with the framing of a chunked body, for connections that are written to directly.
    """

    chunked: bool

    def entries(self, conversation: str, epoch: str, entries: Sequence[EncodedEntry]) -> bytes:  # noqa: ARG002 - one stream, one conversation
        """Each entry with the cursor behind it as its id."""
        prefix = f"event: entry\nid: {epoch}.".encode()
        return self._framed(b"".join([b"%b%d\ndata: %b\n\n" % (prefix, entry.seq, entry.json) for entry in entries]))

    def signal(self, conversation: str, signal: bytes) -> bytes:  # noqa: ARG002 - one stream, one conversation
        """A signal: no id, since it moves no cursor."""
        return self._framed(b"event: signal\ndata: %b\n\n" % signal)

    def status(self, conversation: str, status: bytes) -> bytes:  # noqa: ARG002 - one stream, one conversation
        """A status."""
        return self._framed(b"event: status\ndata: %b\n\n" % status)

    def heartbeat(self) -> bytes:
        """A comment, which clients skip."""
        return self._framed(b": ping\n\n")

    def _framed(self, data: bytes) -> bytes:
        return chunk(data) if self.chunked else data


BEGIN = b"retry: %d\n\n" % RETRY
"""The first bytes of every stream, in plain form."""

PLAIN = SseFormat(chunked=False)
CHUNKED = SseFormat(chunked=True)


def end(status: Closed) -> bytes:
    """The last event, in plain form. An EventSource, which knows only `retry`, waits as long as the status says."""
    event = b"event: status\ndata: %b\n\n" % encode_status(status)
    return event if status.retry_ms is None else b"retry: %d\n%b" % (status.retry_ms, event)


__all__ = ["BEGIN", "CHUNKED", "PLAIN", "RETRY", "SseFormat", "end"]
