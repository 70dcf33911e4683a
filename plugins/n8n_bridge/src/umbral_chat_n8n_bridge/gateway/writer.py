"""Writes an answer in one of the two forms that the widget asks for. An answer begins when there is something to say,
so that a refusal has a status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat.http_kit import asgi

from umbral_chat_n8n_bridge.gateway import widget

if TYPE_CHECKING:
    from litestar.types import Send

_HEADERS: asgi.Headers = [
    (b"content-type", b"application/json; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    # nginx then passes on each line at once.
    (b"x-accel-buffering", b"no"),
]


class AnswerWriter:
    """What both have in common."""

    streams = False
    """Whether the answer is shown while it grows."""

    def __init__(self, send: Send, headers: asgi.Headers) -> None:
        self._send = send
        self._headers = headers
        self._begun = False

    async def raw(self, body: bytes) -> None:
        """The whole answer."""
        await self._write(200, body, more=False)

    async def line(self, data: bytes) -> None:
        """What was added to a message."""

    async def keep_alive(self) -> None:
        """A sign of life."""

    async def fail(self, status: int, text: str, said: str = "") -> None:
        """The end, with an error; `said`: what was shown before."""
        raise NotImplementedError

    async def end(self, text: str) -> None:
        """The end; `text`: all messages."""
        raise NotImplementedError

    async def _write(self, status: int, body: bytes, *, more: bool) -> None:
        if not self._begun:
            self._begun = True
            await self._send({"type": "http.response.start", "status": status, "headers": [*_HEADERS, *self._headers]})
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


class JsonWriter(AnswerWriter):
    """One JSON object at the end."""

    async def keep_alive(self) -> None:
        await self._write(200, widget.BLANK, more=True)

    async def fail(self, status: int, text: str, said: str = "") -> None:
        await self._write(status, widget.failure(widget.joined([said, text]) if said else text), more=False)

    async def end(self, text: str) -> None:
        await self._write(200, widget.shown(text), more=False)


class LineWriter(AnswerWriter):
    """Lines as the answer grows."""

    streams = True

    async def line(self, data: bytes) -> None:
        if data:
            await self._write(200, data, more=True)

    async def keep_alive(self) -> None:
        await self._write(200, widget.KEEP_ALIVE_LINE, more=True)

    async def fail(self, status: int, text: str, said: str = "") -> None:  # noqa: ARG002 - a stream has no status
        await self._write(200, widget.failure_line(text), more=False)

    async def end(self, text: str) -> None:  # noqa: ARG002 - it was written as lines
        await self._write(200, b"", more=False)


__all__ = ["AnswerWriter", "JsonWriter", "LineWriter"]
