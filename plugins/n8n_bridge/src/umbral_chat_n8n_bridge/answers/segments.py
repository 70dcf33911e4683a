"""The messages of a streamed answer: each begin of a node is one, and several may grow at a time."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from umbral_chat_n8n_bridge.answers.events import Event, Piece, SegmentBegun, SegmentEnded

SEGMENTS = 500
"""Messages of one answer: a loop in a workflow must not fill a log."""

OPEN = 8
"""Groups that are open at once, as many as the drafts of one writer; what is of further ones joins the oldest."""

_UNUSABLE = re.compile(r"[\0\ud800-\udfff]")
"""What no store keeps."""


@dataclass(slots=True)
class _Segment:
    number: int
    length: int = 0
    failed: bool = False


class Segments:
    """Makes messages of the groups of lines. A group without text is none, and a text that is longer than `limit`
    characters goes on in another message."""

    def __init__(self, limit: int, begun: int = 0) -> None:
        self._limit = limit
        self._open: dict[Hashable, _Segment] = {}
        self.begun = begun
        """Messages that have text, those before it included."""

    def begin(self, key: Hashable) -> Iterator[Event]:
        """A group begins; one of the same node that is open ends."""
        yield from self.end(key)
        if len(self._open) < OPEN:
            self._open[key] = _Segment(-1)

    def add(self, key: Hashable, text: str) -> Iterator[Event]:
        """Text of a group; of one that did not begin, too."""
        text = usable(text)
        segment = self._open.get(key)
        if segment is None:
            if len(self._open) >= OPEN:
                key, segment = next(iter(self._open.items()))
            else:
                segment = self._open[key] = _Segment(-1)
        while text:
            if segment.number >= 0 and segment.length >= self._limit:
                yield SegmentEnded(segment.number)
                segment.number = -1
            if segment.number < 0:
                # A message has more than white space, and begins with what it has.
                text = text.lstrip()
                if not text or self.begun >= SEGMENTS:
                    return
                segment.number, segment.length = self.begun, 0
                self.begun += 1
                yield SegmentBegun(segment.number)
            head, text = text[: self._limit - segment.length], text[self._limit - segment.length :]
            segment.length += len(head)
            # The rest of a group that failed in between was written after all.
            segment.failed = False
            yield Piece(segment.number, head)

    def end(self, key: Hashable) -> Iterator[Event]:
        """A group ends, which n8n says only of one that is complete."""
        segment = self._open.pop(key, None)
        if segment is not None and segment.number >= 0:
            yield SegmentEnded(segment.number)

    def fail(self) -> None:
        """A node failed: what is being written is complete only if it goes on, or ends by itself."""
        for segment in self._open.values():
            segment.failed = True

    def close(self, *, cut: bool = False) -> Iterator[Event]:
        """The answer is over; `cut`: before its end, so that what is still open is not complete."""
        for segment in self._open.values():
            if segment.number >= 0:
                yield SegmentEnded(segment.number, segment.failed or cut)
        self._open.clear()


def usable(text: str) -> str:
    """The text without what no store keeps: NUL and lone surrogates."""
    return _UNUSABLE.sub("", text)


__all__ = ["SEGMENTS", "Segments", "usable"]
