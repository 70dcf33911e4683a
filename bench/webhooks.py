"""A receiver of webhooks that costs little, and the floor of what can be sent to it: `python -m bench.webhooks PORT
NUMBER` sends as many POSTs by httpx, each of them one event, and prints what that took as one JSON object."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import cast

import httpx
import uvloop

TOGETHER = 32
"""Requests at once: as many conversations as a consumer works on."""

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

_ENTRY = {
    "kind": "message",
    "seq": 1,
    "at": "2026-01-01T00:00:00.000000Z",
    "sender": {"role": "user", "id": "bench"},
    "message_id": "0" * 22,
    "content": "x" * 200,
}
_TYPE = {"id": "0" * 32, "type": "entry", "conversation": "bench-100", "cursor": "aaaaaaaaaa.1"}
EVENT = json.dumps(_TYPE | {"entry": _ENTRY}).encode()
"""About as large as the service's own."""

HEADERS = {
    "content-type": "application/json",
    "webhook-id": "0" * 32,
    "webhook-timestamp": "1700000000",
    "webhook-signature": "v1," + "A" * 44,
}


class Receiver(asyncio.Protocol):
    """Answers 200, and passes each body on."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            at = self._buffer[:end].lower().find(b"content-length:")
            length = int(self._buffer[at + 15 : self._buffer.find(b"\r", at + 15, end + 2)])
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self._take(body)
            if self._transport is not None:
                self._transport.write(_ANSWER)


async def post(port: int, number: int) -> dict[str, float]:
    """Send `number` requests, `TOGETHER` at once; the seconds and the processor's seconds that they took."""
    left = iter(range(number))
    context = httpx.create_ssl_context()

    async def work() -> None:
        # A client for each: of one that has many connections each request polls all of them.
        async with httpx.AsyncClient(timeout=30.0, verify=context, trust_env=False) as http:
            for _ in left:
                (await http.post(f"http://127.0.0.1:{port}/", content=EVENT, headers=HEADERS)).raise_for_status()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(TOGETHER)))
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(post(int(sys.argv[1]), int(sys.argv[2])))))

__all__ = ["EVENT", "TOGETHER", "Receiver", "post"]
