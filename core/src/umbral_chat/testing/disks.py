"""A disk whose operations can be watched and made to fail: an apsw file system for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import apsw

Event = tuple[str, str, bytes]
"""What happened (`write`, `sync`), to which file (`db`, `wal`), and what was written."""


class Disk(apsw.VFS):
    """Passes everything to the real file system, calls `watch` with each event, and raises what `fault` returns."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.watch: Callable[[Event], None] = lambda _: None
        self.fault: Callable[[str, str], Exception | None] = lambda _what, _file: None
        self.lock = threading.Lock()
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> DiskFile:  # noqa: N802
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    """One open file of a `Disk`."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._kind = "wal" if flags[0] & apsw.SQLITE_OPEN_WAL else "db"

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._fail("write")
        with self._disk.lock:
            self._disk.watch(("write", self._kind, bytes(data)))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._fail("sync")
        super().xSync(flags)
        with self._disk.lock:
            self._disk.watch(("sync", self._kind, b""))

    def _fail(self, what: str) -> None:
        if (fault := self._disk.fault(what, self._kind)) is not None:
            raise fault


__all__ = ["Disk", "DiskFile", "Event"]
