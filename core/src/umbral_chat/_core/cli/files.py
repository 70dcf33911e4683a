"""Files that commands write: regular files whole or not at all, devices and FIFOs directly."""

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

WRITE_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors of a disk that is full, over quota or failing."""

_DEVICES = (Path("/dev"), Path("/proc"))
"""Directories with names of open files: `/dev/stdout` may be a regular file that a shell opened to append."""


class OutputFailed(UmbralChatError):
    """Output cannot be written: the disk is full, or fails."""

    def __init__(self, where: str, error: OSError) -> None:
        super().__init__(f"{where} cannot be written: {error.strerror or error}.")


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which replaces `path` when the block succeeds and is removed when it raises.

    A symbolic link is kept, and its target replaced. A device or a FIFO is kept, too, and written to directly. Only its
    owner may read a new file: conversations are private. Raises UsageError when `path` cannot be opened or replaced,
    OutputFailed when the disk is full or fails.
    """
    try:
        if _is_regular(path):
            with _temporary(path.resolve()) as file:
                yield file
        else:
            with path.open("ab", buffering=0) as raw:
                yield raw
    except OSError as error:
        if error.errno in WRITE_FAILURES or error.errno == errno.EPIPE:
            raise OutputFailed(str(path), error) from None
        raise click.UsageError(f"{path} cannot be written: {error.strerror or error}.") from None


def _is_regular(path: Path) -> bool:
    """Whether `path` is a regular file, or does not exist."""
    if any(path.absolute().is_relative_to(folder) for folder in _DEVICES):
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


@contextmanager
def _temporary(path: Path) -> Iterator[BinaryIO]:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        part = Path(file.name)
        try:
            yield file  # type: ignore[misc]  # typeshed's wrapper is a BinaryIO in all but name
            file.flush()
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    part.replace(path)


__all__ = ["WRITE_FAILURES", "OutputFailed", "replaced"]
