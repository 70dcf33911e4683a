"""Calls of a chat as n8n's widget makes them, timed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import NamedTuple

PIECE = b'"type":"item"'

PATIENCE = 120.0


class Timed(NamedTuple):
    """Seconds from the request to the answer's first piece of text (of one that is not streamed: to its end), and to
    its end; and the pieces."""

    first: float
    whole: float
    pieces: int


async def chat(port: int, path: str, session: str, *, streams: bool) -> Timed:
    """One message, over a connection of its own that is open before the time counts. Raises RuntimeError for an answer
    that is none, TimeoutError and OSError."""
    body = json.dumps({"action": "sendMessage", "sessionId": session, "chatInput": "Where is my parcel?"}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Accept: {'text/plain' if streams else 'application/json'}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            began = time.perf_counter()
            writer.write(head.encode() + body)
            received, first = bytearray(), None
            while data := await reader.read(65_536):
                received += data
                if first is None and PIECE in received:
                    first = time.perf_counter() - began
            whole = time.perf_counter() - began
        finally:
            writer.close()
    answered = first is not None if streams else b'"output"' in received
    if not received.startswith(b"HTTP/1.1 200") or not answered:
        raise RuntimeError(f"{path} was answered {bytes(received[:500])!r}")
    return Timed(whole if first is None else first, whole, received.count(PIECE))


__all__ = ["Timed", "chat"]
