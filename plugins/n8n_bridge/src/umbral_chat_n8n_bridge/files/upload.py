"""A visitor's files on their way from a request into the store, and the reading of both kinds of request."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from umbral_chat.errors import InvalidRequest, RequestError, TooLarge, UnsupportedMedia
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.decoding import refuse_encoded

from umbral_chat_n8n_bridge.files.data_urls import decoded_files, decoded_size
from umbral_chat_n8n_bridge.files.form import FormReader, WidgetForm
from umbral_chat_n8n_bridge.files.uploaded import FileLimits, UploadedFile, size_of

if TYPE_CHECKING:
    from litestar.types import Receive, Scope

    from umbral_chat_n8n_bridge.files.quota import FileReservation
    from umbral_chat_n8n_bridge.files.store import FileStore
    from umbral_chat_n8n_bridge.settings import ChatSettings

REFUSED = "Files are not taken here."

DRAINED = 67_108_864
"""Most bytes of a refused body that are read and dropped: a browser that is still sending when the connection is closed
shows no answer. Twice the largest that may be allowed."""


class Upload:
    """Files in memory, and the room that they take. To be closed, also when an answer is waited for."""

    def __init__(self, files: Sequence[UploadedFile], reservation: FileReservation) -> None:
        self.files = list(files)
        self._reservation = reservation
        reservation.resize(size_of(files))

    def close(self) -> None:
        """Let go of them. A second time nothing happens."""
        self.files.clear()
        self._reservation.close()


def limits_of(settings: ChatSettings) -> FileLimits:
    """Those of a chat."""
    return FileLimits(settings.files_count, settings.files_bytes)


class UploadReader:
    """Reads the files of one chat. Methods raise Unavailable (`too_many_readers`) when an instance has no room."""

    def __init__(self, settings: ChatSettings, store: FileStore, text_bytes: int) -> None:
        """`text_bytes`: most bytes of a request beside the files."""
        self._settings, self._store, self._text_bytes = settings, store, text_bytes
        self._limits = limits_of(settings)

    @property
    def takes(self) -> bool:
        """Whether the chat takes files."""
        return self._settings.files == "pass"

    async def form(self, scope: Scope, receive: Receive) -> tuple[dict[str, str], Upload]:
        """The fields of a request, and its files. Raises UnsupportedMedia, InvalidRequest and TooLarge, when the rest
        of the request has been read, so that who sends it gets the answer."""
        body = _Body(receive)
        try:
            return await self._form(scope, body)
        except RequestError:
            if asgi.header(scope, b"expect") is None:  # else it waits to hear whether to send it at all
                await body.drain()
            raise

    async def _form(self, scope: Scope, body: _Body) -> tuple[dict[str, str], Upload]:
        if not self.takes:
            raise UnsupportedMedia(REFUSED)
        content_type = asgi.header(scope, b"content-type") or ""
        reader = FormReader(content_type, self._limits, self._text_bytes)
        most = self._limits.size + self._text_bytes
        reservation = await self._store.reserve(self._announced(scope, most))
        try:
            found = await _read(reader, body, most)
            return found.texts, Upload(found.files, reservation)
        except BaseException:
            reservation.close()
            raise

    async def frame(self, files: Sequence[Any]) -> Upload | None:
        """The files of a message over a WebSocket; None: it has none. Raises InvalidRequest and TooLarge."""
        if not files:
            return None
        if not self.takes:
            raise InvalidRequest(REFUSED, code="invalid_field", field="files")
        reservation = await self._store.reserve(min(decoded_size(files), self._limits.size))
        try:
            return Upload(decoded_files(files, self._limits), reservation)
        except BaseException:
            reservation.close()
            raise

    def _announced(self, scope: Scope, most: int) -> int:
        """Bytes of the body, as its head says; else the most that it may have."""
        size = most
        for name, value in scope["headers"]:
            if name == b"content-encoding":
                refuse_encoded(value)
            if name == b"content-length" and value.isdigit():
                size = int(value)
        if size > most:
            self._limits.check(0, size)
            raise TooLarge("The message is too large.", field="body", limit=most)
        return size


class _Body:
    """The body of a request, piece by piece."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def next(self) -> bytes:
        """The next piece, after which it may have ended. Raises InvalidRequest (`incomplete_body`)."""
        message: Any = await self._receive()
        self.ended = not message.get("more_body", False)
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The request ended in the middle of its body.", code="incomplete_body")
        piece: bytes = message.get("body", b"")
        return piece

    async def drain(self) -> None:
        """Read and drop what is left, if it is no more than `DRAINED` bytes."""
        left = DRAINED
        with contextlib.suppress(InvalidRequest):
            while not self.ended and left > 0:
                left -= len(await self.next())


async def _read(reader: FormReader, body: _Body, most: int) -> WidgetForm:
    size = 0
    while not body.ended:
        chunk = await body.next()
        size += len(chunk)
        if size > most:
            raise TooLarge("The message is too large.", field="body", limit=most)
        reader.feed(chunk)
    return reader.end()


__all__ = ["DRAINED", "REFUSED", "Upload", "UploadReader", "limits_of"]
