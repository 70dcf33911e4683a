"""The frames of one WebSocket (RFC 6455, section 5), joined into messages within their bounds. No I/O.

The frames are read by `websockets`, whose parser is exact and unmasks in C. It is given no extension: what a client
compresses is refused, so a small frame cannot become a large message.
"""

from __future__ import annotations

import logging
from typing import Final

from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

FRAGMENT_BYTES: Final = 64
"""Average size of a message's fragments below which it is refused: nobody needs smaller ones, and each costs as much
time as a message."""

LEAST_FRAGMENTS: Final = 64
"""Fragments that a message may always have, whatever their size."""

CONTROL_FRAMES: Final = 100
"""Pings and pongs of a client in `CONTROL_SECONDS`: a client needs one in 20 seconds, and each ping is answered."""

CONTROL_SECONDS: Final = 10.0

# At `debug` the parser's own log lines would show what frames hold, credentials among it.
_SILENT = logging.getLogger("umbral_chat.frames")
_SILENT.setLevel(logging.WARNING)


class _Protocol(Protocol):
    """The parser, which would take a close frame between two fragments of a message for a violation: control frames may
    come there (RFC 6455, section 5.4; Autobahn 7.1.5)."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.cur_size = None
        super().recv_frame(frame)


class Frames:
    """Reads a client's frames and writes the control frames of the server.

    `limit` is the largest message in bytes. A violation fails the connection: `failed` is set, `output` holds the close
    frame with its code (1002, 1007, 1008, 1009), and nothing more is read.
    """

    __slots__ = ("_controls", "_fragments", "_limit", "_most", "_parts", "_protocol", "_text", "_window", "failed")

    def __init__(self, limit: int) -> None:
        self.failed = False
        self._protocol = _Protocol(Side.SERVER, state=State.OPEN, max_size=limit, logger=_SILENT)
        self._limit = limit
        self._most = LEAST_FRAGMENTS + limit // FRAGMENT_BYTES
        self._parts: bytearray | None = None
        self._text = False
        self._fragments = 0
        self._controls = 0
        self._window = 0.0

    @property
    def partial(self) -> bool:
        """Whether a message has begun that is not complete."""
        return self._parts is not None

    @property
    def close(self) -> tuple[int, str] | None:
        """Code and reason of the client's close frame; None: it has sent none."""
        received = self._protocol.close_rcvd
        return None if received is None else (received.code, received.reason)

    @property
    def failure(self) -> tuple[int, str]:
        """Code and reason with which the connection failed."""
        sent: Close | None = self._protocol.close_sent
        return (CloseCode.ABNORMAL_CLOSURE, "") if sent is None else (sent.code, sent.reason)

    def feed(self, data: bytes, now: float) -> list[str | bytes]:
        """Read what the client sent at `now`, in monotonic seconds; the messages that are complete with it, as text or
        bytes. Write `output()` afterwards, and look at `failed` and `close`."""
        messages: list[str | bytes] = []
        if self.failed:
            return messages
        protocol = self._protocol
        protocol.receive_data(data)
        for frame in protocol.events_received():
            if frame.opcode in _DATA:  # type: ignore[union-attr]  # no handshake is read here
                self._take(frame, messages)  # type: ignore[arg-type]
            elif frame.opcode is not Opcode.CLOSE:  # type: ignore[union-attr]
                self._count_control(now)
            if self.failed:
                return messages
        if protocol.parser_exc is not None:
            self.failed = True
        return messages

    def output(self) -> bytes:
        """What is to be written: pongs, the answer to a close frame, or the close frame of a failure."""
        return b"".join(self._protocol.data_to_send())

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._protocol.send_ping(b"")

    def send_close(self, code: int, reason: str) -> None:
        """Begin the closing handshake. Raises websockets' ProtocolError for a code that a server may not send."""
        self._protocol.send_close(code, reason)

    def fail(self, code: int, reason: str) -> None:
        """End the connection because of what the client did."""
        self.failed = True
        self._parts = None
        self._protocol.fail(code, reason)

    def _take(self, frame: Frame, messages: list[str | bytes]) -> None:
        parts = self._parts
        if parts is None:
            self._text = frame.opcode is Opcode.TEXT
            if frame.fin:
                self._complete(bytes(frame.data), messages)
            else:
                self._parts, self._fragments = bytearray(frame.data), 1
            return
        parts += frame.data
        self._fragments += 1
        if self._fragments > self._most:
            self.fail(CloseCode.POLICY_VIOLATION, f"a message has at most {self._most} fragments")
        elif frame.fin:
            self._parts = None
            self._complete(bytes(parts), messages)

    def _complete(self, data: bytes, messages: list[str | bytes]) -> None:
        if not self._text:
            messages.append(data)
            return
        try:
            messages.append(data.decode())
        except UnicodeDecodeError:
            self.fail(CloseCode.INVALID_DATA, "a text message is not UTF-8")

    def _count_control(self, now: float) -> None:
        if now - self._window >= CONTROL_SECONDS:
            self._window, self._controls = now, 0
        self._controls += 1
        if self._controls > CONTROL_FRAMES:
            self.fail(CloseCode.POLICY_VIOLATION, f"at most {CONTROL_FRAMES} pings in {CONTROL_SECONDS:g} s")


_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})

__all__ = ["CONTROL_FRAMES", "CONTROL_SECONDS", "FRAGMENT_BYTES", "LEAST_FRAGMENTS", "Frames"]
