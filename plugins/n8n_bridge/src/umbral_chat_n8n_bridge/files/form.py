"""A message with files as n8n's widget sends it over HTTP: `multipart/form-data` (RFC 7578), read as it comes. Pure: a
shell of bounds around the parser of the package `multipart`."""

from __future__ import annotations

from typing import NamedTuple

# The package `multipart` has no types.
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)
from umbral_chat.errors import InvalidRequest, TooLarge, UnsupportedMedia

from umbral_chat_n8n_bridge.files.uploaded import FileLimits, UploadedFile, clean_name, clean_type

FILES = "files"
"""The field that has the files."""

TEXTS = 16
"""Most other fields: the widget sends four, and a page may add some."""

HEADERS, HEADER_BYTES = 4, 2_048
"""Most headers of a part, and most bytes of one: a name of 255 bytes fits, with each byte written as an escape."""

BOUNDARY_CHARACTERS = 200
"""Longest boundary. RFC 2046 allows 70; some programs draw longer ones."""

UNPARSED = BOUNDARY_CHARACTERS + 8
"""Most bytes of a file that the parser holds back, since they may be the beginning of a boundary."""


class WidgetForm(NamedTuple):
    """What was sent: fields of text by name, and files."""

    texts: dict[str, str]
    files: list[UploadedFile]


def is_form(content_type: str) -> bool:
    """Whether the body of a request is a form with parts."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


class FormReader:
    """Reads one form. `text_bytes`: most bytes of all fields together, the heads of all parts included."""

    def __init__(self, content_type: str, limits: FileLimits, text_bytes: int) -> None:
        """Raises UnsupportedMedia for a type that names no boundary."""
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        if not (boundary.isascii() and boundary.isprintable() and 0 < len(boundary) <= BOUNDARY_CHARACTERS):
            raise UnsupportedMedia("The form names no boundary of its parts.")
        self._limits, self._text_bytes = limits, text_bytes
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=HEADER_BYTES,
            max_header_count=HEADERS,
            max_segment_count=limits.number + TEXTS,
        )
        self._received = self._count = self._size = 0
        self._texts: dict[str, str] = {}
        self._files: list[UploadedFile] = []
        self._part: MultipartSegment | None = None
        self._data = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises InvalidRequest (`invalid_field`) and TooLarge (`body_too_large`)."""
        if not chunk:
            return
        self._received += len(chunk)
        try:
            for event in self._parser.parse(chunk):
                self._take(event)
        except MultipartError:
            raise _unreadable() from None
        # What is no data of a file: fields, heads of parts, and whatever stands before and behind them.
        if self._received - self._size > self._text_bytes + UNPARSED:
            raise TooLarge("The message is too large.", field="body", limit=self._text_bytes)

    def end(self) -> WidgetForm:
        """The form, which is complete. Raises InvalidRequest (`invalid_field`)."""
        try:
            self._parser.close()
        except MultipartError:
            raise _unreadable() from None
        return WidgetForm(self._texts, self._files)

    def _take(self, event: MultipartSegment | bytes | None) -> None:
        if event is None:
            part, self._part = self._part, None
            self._complete(part, bytes(self._data))
            self._data = bytearray()
        elif isinstance(event, MultipartSegment):
            self._begin(event)
        else:
            self._data += event
            if self._part is not None and self._part.filename is not None:
                self._size += len(event)
                self._limits.check(self._count, self._size)
            elif len(self._data) > self._text_bytes:
                raise TooLarge("The message is too large.", field="body", limit=self._text_bytes)

    def _begin(self, part: MultipartSegment) -> None:
        self._part = part
        if part.filename is None:
            if part.name == FILES or part.name in self._texts:
                raise _unreadable()
            return
        if part.name != FILES:
            raise InvalidRequest("Files are sent in the field `files`.", code="invalid_field", field=FILES)
        self._count += 1
        self._limits.check(self._count, self._size)

    def _complete(self, part: MultipartSegment, data: bytes) -> None:
        if part.filename is None:
            try:
                self._texts[part.name] = data.decode()
            except UnicodeDecodeError:
                raise InvalidRequest(
                    "The form is not text in UTF-8.", code="invalid_field", field=str(part.name)[:64]
                ) from None
        elif part.filename or data:  # else an input of a page in which no file was chosen
            self._files.append(UploadedFile(clean_name(part.filename), clean_type(part.content_type), data))


def _unreadable() -> InvalidRequest:
    return InvalidRequest("The request is not one of n8n's chat.", code="invalid_field", field="body")


__all__ = ["BOUNDARY_CHARACTERS", "FILES", "HEADERS", "HEADER_BYTES", "TEXTS", "FormReader", "WidgetForm", "is_form"]
