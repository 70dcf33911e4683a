"""Files that commands write: whole or not at all, unless they are no regular files, which are written through."""

from __future__ import annotations

import errno
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import rich_click as click

from umbral_chat.errors import UmbralChatError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a disk says that takes no more."""

_HANDLES = (Path("/dev"), Path("/proc"))
"""Where names of open files are: `/dev/stdout` may lead to a regular file that a shell opened to append."""


class OutputFailed(UmbralChatError):
    """What a command prints or writes cannot be written any more: the disk is full, or fails."""

    def __init__(self, where: str, error: OSError) -> None:
        super().__init__(f"{where} cannot be written: {error.strerror or error}.")


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends well, and is removed when it does not.

    A symbolic link stays: what it leads to is replaced. A device or a FIFO stays, too, and is written through. Only its
    owner may read a new file: conversations are nobody else's business. Raises UsageError when it cannot be written,
    and OutputFailed when the disk takes no more.
    """
    try:
        if _regular(path):
            with _part(path.resolve()) as file:
                yield file
        else:
            with path.open("ab", buffering=0) as raw:
                yield raw
    except OSError as error:
        if error.errno in FULL or error.errno == errno.EPIPE:
            raise OutputFailed(str(path), error) from None
        raise click.UsageError(f"{path} cannot be written: {error.strerror or error}.") from None


def _regular(path: Path) -> bool:
    """Whether it is a regular file, or nothing yet."""
    if any(path.absolute().is_relative_to(folder) for folder in _HANDLES):
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


@contextmanager
def _part(path: Path) -> Iterator[BinaryIO]:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        part = Path(file.name)
        try:
            yield file  # type: ignore[misc]  # typeshed's wrapper is a BinaryIO in all but name
            file.flush()
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    part.replace(path)


__all__ = ["FULL", "OutputFailed", "replaced"]
