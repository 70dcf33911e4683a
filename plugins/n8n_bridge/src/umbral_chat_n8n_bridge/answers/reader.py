"""Reads an answer of n8n from its bytes as they come.

n8n labels a stream `application/json`, too, and whether it streams is a setting of the workflow, so the first line
decides: a JSON object of the members `type`, `content` and `metadata` alone begins a stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from umbral_chat_n8n_bridge.answers.events import Ended, Event, LineError
from umbral_chat_n8n_bridge.answers.segments import Segments
from umbral_chat_n8n_bridge.answers.whole import SentRequest, is_page, read_whole

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of one answer: many times what a person reads."""

LINE_LIMIT = 1024 * 1024
"""Bytes of one line. n8n sends a line for each piece of text."""

_MEMBERS = frozenset({"type", "content", "metadata"})


class AnswerReader:
    """One answer. `feed` its bytes, then call `end` once, or `cut` where the connection was lost. After an event
    `Ended` everything is ignored."""

    def __init__(self, status: int, sent: SentRequest, *, limit: int) -> None:
        """`limit`: characters of a message."""
        self._status, self._sent = status, sent
        self._segments = Segments(limit)
        self._buffer = bytearray()
        self._searched = 0
        self._size = 0
        self._streams: bool | None = None
        self._failed = False
        self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """The events of further bytes."""
        return [] if self._ended else self._kept(self._feed(data))

    def end(self) -> list[Event]:
        """The events of the end of the body."""
        return [] if self._ended else self._kept(self._end())

    def part(self) -> list[Event]:
        """The events that end what is being written, as far as it is; what comes later is of further messages."""
        return [] if self._ended else list(self._segments.close(cut=True))

    def cut(self, code: str = "connection_lost") -> list[Event]:
        """The events of a connection that was lost, or is given up: it is not known how the execution goes on."""
        if self._ended:
            return []
        return self._kept((*self._segments.close(cut=True), Ended("unknown", code)))

    def _kept(self, events: Any) -> list[Event]:
        found: list[Event] = list(events)
        self._ended = self._ended or any(isinstance(event, Ended) for event in found)
        return found

    def _feed(self, data: bytes) -> Iterator[Event]:
        self._size += len(data)
        self._buffer += data
        if self._size > BODY_LIMIT:
            yield from self._too_large()
            return
        while self._streams is not False:
            at = self._buffer.find(b"\n", self._searched)
            if at < 0:
                self._searched = len(self._buffer)
                if self._streams and self._searched > LINE_LIMIT:
                    yield from self._too_large()
                return
            line = bytes(self._buffer[:at])
            if self._streams is None:
                if not line.strip():
                    self._drop(at)
                    continue
                self._streams = 200 <= self._status < 300 and _begins_stream(line)
                if not self._streams:
                    return
            self._drop(at)
            yield from self._line(line, whole=True)

    def _drop(self, at: int) -> None:
        del self._buffer[: at + 1]
        self._searched = 0

    def _end(self) -> Iterator[Event]:
        rest = bytes(self._buffer)
        if self._streams is None:
            self._streams = 200 <= self._status < 300 and _begins_stream(rest)
        if not self._streams:
            text, ended = read_whole(self._status, rest, self._sent)
            yield from self._segments.add(None, text)
            yield from self._segments.close()
            yield ended
            return
        yield from self._line(rest, whole=False)
        yield from self._segments.close()
        if self._segments.begun:
            yield Ended("text", "answered")
        else:
            yield Ended("failed", "workflow_failed") if self._failed else Ended("silent", "empty")

    def _line(self, line: bytes, *, whole: bool) -> Iterator[Event]:
        """The events of one line; not `whole`: the body ended behind it, so that it may be the beginning of one."""
        if not line.strip():
            return
        value = _decoded(line)
        if isinstance(value, dict):
            yield from self._object(value)
            return
        text = line.decode("utf-8", "replace")
        if is_page(text):
            yield from self._segments.close(cut=True)
            yield Ended("unknown", "proxy_error")
        elif line.lstrip()[:1] not in {b"{", b"["}:
            yield from self._segments.add(None, text + "\n" if whole else text)

    def _object(self, value: dict[str, Any]) -> Iterator[Event]:
        key = _key(value.get("metadata"))
        content = value.get("content")
        match value.get("type"):
            case "begin":
                yield from self._segments.begin(key)
            case "item" if isinstance(content, str):
                yield from self._segments.add(key, content)
            case "end":
                yield from self._segments.end(key)
            case "error":
                self._failed = True
                self._segments.fail()
                yield LineError(stopped=isinstance(content, str) and "AbortError" in content)
            case _:
                pass  # `keepalive`, `ping`, and what later versions send

    def _too_large(self) -> Iterator[Event]:
        yield from self._segments.close(cut=True)
        yield Ended("unknown", "answer_too_large")


def _begins_stream(line: bytes) -> bool:
    value = _decoded(line)
    return isinstance(value, dict) and isinstance(value.get("type"), str) and value.keys() <= _MEMBERS


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _key(metadata: Any) -> tuple[str, ...] | None:
    """Which group a line belongs to; None: it has no metadata."""
    if not isinstance(metadata, dict):
        return None
    return tuple(str(metadata.get(name)) for name in ("nodeId", "runIndex", "itemIndex"))


__all__ = ["BODY_LIMIT", "LINE_LIMIT", "AnswerReader"]
