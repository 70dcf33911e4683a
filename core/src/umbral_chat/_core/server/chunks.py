"""A chunked body (RFC 9112, section 7.1), decoded piece by piece. No I/O.

It is not decoded by the parser, which accepts trailers and chunk extensions of any length.
"""

from __future__ import annotations

import re

from umbral_chat._core.server.framing import malformed
from umbral_chat.errors import InvalidRequest

LINE_BYTES = 256
"""Longest line with a chunk's size. No client needs more than 8 digits; extensions are allowed, and ignored."""

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class Chunks:
    """The decoder of one body. `done` is set when the body is complete."""

    def __init__(self) -> None:
        self.done = False
        self._line = b""
        self._left = 0
        # The next line: a chunk's size, or the empty line after a chunk ("gap") or after the last chunk ("end").
        self._next = "size"

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The content in `data`, and the bytes that follow the end of the body.

        Raises InvalidRequest: `invalid_http_request`, `trailers_refused`.
        """
        pieces = []
        at = 0
        while at < len(data) and not self.done:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
            else:
                at = self._read_line(data, at)
        return b"".join(pieces), data[at:]

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at, at + LINE_BYTES + 1)
        line = self._line + (data[at : at + LINE_BYTES + 1] if end < 0 else data[at:end])
        if len(line) > LINE_BYTES:
            raise malformed(f"A line of the chunked body has more than {LINE_BYTES} bytes.")
        if self._next != "size" and line not in (b"", b"\r"):
            raise self._not_empty()
        if end < 0:
            self._line = line
            return len(data)
        self._line = b""
        if not line.endswith(b"\r"):
            raise malformed("A line of the chunked body ends with LF alone.")
        self._take(line[:-1])
        return end + 1

    def _take(self, line: bytes) -> None:
        if self._next == "end":
            self.done = True
        elif self._next == "gap":
            self._next = "size"
        else:
            found = _SIZE.fullmatch(line)
            if found is None:
                raise malformed("A chunk's size is not a number of 1 to 8 hexadecimal digits.")
            self._left = int(found[1], 16)
            self._next = "gap" if self._left else "end"

    def _not_empty(self) -> InvalidRequest:
        if self._next == "end":
            return InvalidRequest(
                "Header fields follow the body, which is not supported. Send them before it.", code="trailers_refused"
            )
        return malformed("A chunk is longer than its size says.")


__all__ = ["LINE_BYTES", "Chunks"]
