"""A decoder of PostgreSQL's logical replication messages, for inserted rows only (protocol version 1)."""

from __future__ import annotations

import struct

Row = dict[str, bytes | None]


class Decoder:
    """Keeps the columns of relations, and decodes inserted rows to text by column."""

    def __init__(self) -> None:
        self._columns: dict[int, list[str]] = {}

    def decode(self, data: bytes) -> Row | None:
        """The row of an insert; None for every other message."""
        match data[:1]:
            case b"R":
                self._relation(data)
            case b"I":
                return self._insert(data)
        return None

    def _relation(self, data: bytes) -> None:
        (oid,) = struct.unpack_from(">I", data, 1)
        _, at = _text(data, 5)
        _, at = _text(data, at)
        (count,) = struct.unpack_from(">H", data, at + 1)
        at += 3
        columns = []
        for _ in range(count):
            name, at = _text(data, at + 1)
            columns.append(name)
            at += 8
        self._columns[oid] = columns

    def _insert(self, data: bytes) -> Row:
        oid, count = struct.unpack_from(">I", data, 1)[0], struct.unpack_from(">H", data, 6)[0]
        at, row = 8, Row()
        for name in self._columns[oid][:count]:
            kind = data[at : at + 1]
            at += 1
            if kind == b"t":
                (length,) = struct.unpack_from(">I", data, at)
                row[name] = data[at + 4 : at + 4 + length]
                at += 4 + length
            else:
                row[name] = None
        return row


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode(), end + 1


__all__ = ["Decoder", "Row"]
