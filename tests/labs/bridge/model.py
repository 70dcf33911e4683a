"""The chat model of the workflows that stream: it repeats what it is asked, word by word."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

from .proxy import Request, read_request

PAUSES = (0.005, 0.05)
"""Seconds between two words, at least and at most."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def words_of(request: Request) -> list[str]:
    """What it is asked, by OpenAI's protocol, in the pieces in which it repeats it. Raises ValueError or LookupError
    for what is no question."""
    content = json.loads(request.body)["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]


def chunk_of(delta: dict[str, Any], reason: str | None) -> bytes:
    """An event of the stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "lab", "choices": [choice]}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        words = words_of(await read_request(reader))
        writer.write(HEAD)
        for word in words:
            writer.write(chunk_of({"role": "assistant", "content": word}, None))
            await writer.drain()
            await asyncio.sleep(random.uniform(*PAUSES))
        writer.write(chunk_of({}, "stop") + b"data: [DONE]\n\n")
        await writer.drain()
    except (OSError, EOFError, ValueError, LookupError):
        writer.transport.abort()
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def repeating_model(port: int) -> AsyncIterator[None]:
    """Serve it on a port."""
    server = await asyncio.start_server(_serve, "127.0.0.1", port, backlog=512)
    try:
        yield
    finally:
        server.close()


__all__ = ["chunk_of", "repeating_model", "words_of"]
