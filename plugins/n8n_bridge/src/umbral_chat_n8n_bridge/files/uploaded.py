"""A file as it was uploaded, its name and media type as they may be stored, shown and sent on, and how many and how
large files may be. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from umbral_chat.errors import InvalidRequest, TooLarge

NAME_BYTES = 255
"""Longest name of a file, in bytes of UTF-8: what file systems take."""

EXTENSION_BYTES = 20
"""Longest end of a name, from its last full stop on, that is kept when the name is cut."""

UNKNOWN_TYPE = "application/octet-stream"

_TYPE = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}/[a-z0-9!#$%&'*+.^_`|~-]{1,80}\Z")
"""Type and subtype as tokens (RFC 9110, 8.3.1). The longest that is registered has 83 characters."""

_JOINERS = "\u200c\u200d"
"""Not printable to Python, and parts of words in Persian, Hindi and others, and of emoji."""


class UploadedFile(NamedTuple):
    """One file."""

    name: str
    type: str
    data: bytes

    def __repr__(self) -> str:
        return f"<UploadedFile of {len(self.data)} bytes>"


class FileLimits(NamedTuple):
    """Most files of one message, and most bytes of them together."""

    number: int
    size: int

    def check(self, count: int, size: int) -> None:
        """Raises InvalidRequest (`invalid_field`) and TooLarge (`body_too_large`), with the field `files`."""
        if count > self.number:
            raise InvalidRequest(
                f"At most {self.number} files are taken with a message.",
                code="invalid_field",
                field="files",
                limit=self.number,
            )
        if size > self.size:
            raise TooLarge(
                f"The files of a message may have {in_words(self.size)} together.", field="files", limit=self.size
            )


def in_words(size: int) -> str:
    """A size in bytes for a reader."""
    for unit, factor in (("MB", 1_048_576), ("kB", 1_024)):
        if size >= factor:
            return f"{size / factor:.0f} {unit}"
    return f"{size} bytes"


def size_of(files: Sequence[UploadedFile]) -> int:
    """Bytes of all of them."""
    return sum(len(one.data) for one in files)


def clean_name(given: str) -> str:
    """The name alone, without a path and without what cannot be shown, such as line breaks or a change of the writing
    direction, behind which another extension could hide."""
    last = given.replace("\\", "/").rpartition("/")[2]
    shown = "".join(one if one.isprintable() or one in _JOINERS else " " for one in last)
    name = " ".join(shown.split())
    return cut_name(name, NAME_BYTES) if name.strip(". ") else "file"


def cut_name(name: str, size: int) -> str:
    """The name in at most `size` bytes of UTF-8; its extension is kept if that is short."""
    if len(name.encode()) <= size:
        return name
    stem, dot, extension = name.rpartition(".")
    end = (dot + extension).encode()
    if not stem or len(end) > min(EXTENSION_BYTES, size // 2):
        stem, end = name, b""
    return stem.encode()[: size - len(end)].decode("utf-8", "ignore") + end.decode()


def clean_type(given: str | None) -> str:
    """The media type without its parameters, where it has the form of one; else that of unknown bytes."""
    kind = (given or "").partition(";")[0].strip().lower()
    return kind if _TYPE.match(kind) else UNKNOWN_TYPE


__all__ = [
    "EXTENSION_BYTES",
    "NAME_BYTES",
    "UNKNOWN_TYPE",
    "FileLimits",
    "UploadedFile",
    "clean_name",
    "clean_type",
    "cut_name",
    "in_words",
    "size_of",
]
