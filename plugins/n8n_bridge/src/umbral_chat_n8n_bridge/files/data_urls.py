"""Files as n8n's widget sends them over its WebSocket: `{name, type, data}`, the data as a URL (RFC 2397) in base64.
Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec
from umbral_chat.errors import InvalidRequest

from umbral_chat_n8n_bridge.files.uploaded import FileLimits, UploadedFile, clean_name, clean_type

_EMPTY = "data:"
"""What some browsers make of a file without data."""


class _SentFile(msgspec.Struct, frozen=True):
    name: str = ""
    type: str = ""
    data: str = ""


def decoded_size(given: Sequence[Any]) -> int:
    """Most bytes that the files may have once they are decoded."""
    return (
        sum(len(data) for one in given if isinstance(one, dict) and isinstance(data := one.get("data"), str)) * 3 // 4
    )


def decoded_files(given: Sequence[Any], limits: FileLimits) -> list[UploadedFile]:
    """The files. Raises InvalidRequest (`invalid_field`) and TooLarge (`body_too_large`)."""
    limits.check(len(given), 0)
    found: list[UploadedFile] = []
    size = 0
    for one in given:
        file = _decoded(one)
        size += len(file.data)
        limits.check(len(given), size)
        found.append(file)
    return found


def encoded_file(file: UploadedFile) -> dict[str, str]:
    """The file as it is sent."""
    data = f"data:{file.type};base64,{base64.b64encode(file.data).decode('ascii')}"
    return {"name": file.name, "type": file.type, "data": data}


def _decoded(one: Any) -> UploadedFile:
    try:
        sent = msgspec.convert(one, _SentFile)
        head, comma, text = sent.data.partition(",")
        if sent.data != _EMPTY and not (comma and head.startswith("data:") and head.endswith(";base64")):
            raise _unreadable()
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (msgspec.ValidationError, UnicodeEncodeError, binascii.Error):
        raise _unreadable() from None
    return UploadedFile(clean_name(sent.name), clean_type(sent.type or head.removeprefix("data:")), data)


def _unreadable() -> InvalidRequest:
    return InvalidRequest("A file cannot be read.", code="invalid_field", field="files")


__all__ = ["decoded_files", "decoded_size", "encoded_file"]
