"""Who called: of the scripted n8n, and of the proxy before a real one."""

from __future__ import annotations

import asyncio


class Caller:
    """What is written to the one who called. When it is gone, that is noted, and nothing more is written."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.gone = False

    async def write(self, data: bytes) -> None:
        """Pass it on."""
        if self.gone or self._writer.is_closing():
            self.gone = True
            return
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            self.gone = True

    async def answer(self, status: int, body: bytes, more: str = "") -> None:
        """A whole answer."""
        head = f"HTTP/1.1 {status} Any\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
        await self.write(head.encode() + body)

    def cut(self) -> None:
        """The connection is lost."""
        self.gone = True
        self._writer.transport.abort()


__all__ = ["Caller"]
