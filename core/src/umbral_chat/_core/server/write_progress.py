"""How much of what was written to a client is still unread, as far as this machine can tell."""

from __future__ import annotations

import asyncio
import sys

if sys.platform != "win32":
    import fcntl
    import termios

PROGRESS = 16_384
"""Bytes that a client must read within the write timeout: asyncio's low-water mark."""


def unread(transport: asyncio.Transport) -> int:
    """Bytes in the transport's buffer and in the socket's."""
    return transport.get_write_buffer_size() + unacknowledged(transport)


def unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes in the socket's buffer that the client has not acknowledged.

    The socket accepts more only when a third of its buffer is free, which may be a megabyte: the progress of a slow
    client is visible in the socket first.
    """
    if sys.platform == "win32":
        return 0
    socket = transport.get_extra_info("socket")
    try:
        return int.from_bytes(fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except (OSError, AttributeError):  # closed in the meantime, or not supported by the platform
        return 0


__all__ = ["PROGRESS", "unacknowledged", "unread"]
