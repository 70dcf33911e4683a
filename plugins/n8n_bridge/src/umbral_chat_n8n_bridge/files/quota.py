"""How many bytes of files an instance takes in: those of the requests that it reads, and those that it has stored and
whose run is not over. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from umbral_chat.errors import Unavailable

LEAST = 4_096
"""Bytes that a stored upload counts as, at least: many small ones are many records, and many to remember."""


class _Stored(NamedTuple):
    size: int
    until: float


class FileQuota:
    """`most` bytes, for all chats together."""

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._most, self._monotonic = most, monotonic
        self._taken = 0
        self._stored: OrderedDict[str, _Stored] = OrderedDict()

    @property
    def taken(self) -> int:
        """Bytes that are taken."""
        return self._taken

    def has_left(self, size: int) -> bool:
        """Whether so many bytes may be taken in. What has expired counts no more."""
        if self._taken + size <= self._most:
            return True
        now = self._monotonic()
        for upload_id in [key for key, one in self._stored.items() if one.until <= now]:
            self.forget(upload_id)
        return self._taken + size <= self._most

    def next_to_look_for(self, count: int) -> list[str]:
        """Ids of stored files, in turn, the oldest first: another instance may have removed them since."""
        found = list(islice(self._stored, count))
        for upload_id in found:
            self._stored.move_to_end(upload_id)
        return found

    def reserve(self, size: int) -> FileReservation:
        """Take so many bytes. Raises Unavailable (`too_many_readers`)."""
        if not self.has_left(size):
            raise Unavailable("As many files wait here as may.", code="too_many_readers", retry_after=30)
        return FileReservation(self, size)

    def store(self, upload_id: str, size: int, seconds: float) -> None:
        """Count files as stored, for so many seconds at most."""
        size = max(size, LEAST)
        self._taken += size
        self._stored[upload_id] = _Stored(size, self._monotonic() + seconds)

    def forget(self, upload_id: str) -> None:
        """They are stored no more. Others than these are not known here, and count nothing."""
        found = self._stored.pop(upload_id, None)
        if found is not None:
            self._taken -= found.size

    def change(self, by: int) -> None:
        """Of a reservation."""
        self._taken += by


class FileReservation:
    """Bytes that are taken while a request is read."""

    def __init__(self, quota: FileQuota, size: int) -> None:
        self._quota, self._size = quota, 0
        self.resize(size)

    def resize(self, size: int) -> None:
        """So many it is now."""
        self._quota.change(size - self._size)
        self._size = size

    def close(self) -> None:
        """None any more. A second time nothing happens."""
        self.resize(0)


__all__ = ["LEAST", "FileQuota", "FileReservation"]
