"""Reads answers in tests, whole or cut into pieces, and folds their events into messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from umbral_chat_n8n_bridge.answers.events import Ended, Event, LineError, Piece, SegmentBegun, SegmentEnded
from umbral_chat_n8n_bridge.answers.reader import AnswerReader
from umbral_chat_n8n_bridge.answers.whole import SentRequest

SENT = SentRequest("w75", "x")


def events_of(
    body: bytes, *, status: int = 200, cuts: Iterable[int] = (), lost: bool = False, limit: int = 1000
) -> list[Event]:
    """The events of an answer whose bytes arrive in pieces that end at `cuts`."""
    reader = AnswerReader(status, SENT, limit=limit)
    found: list[Event] = []
    at = 0
    for cut in (*sorted(set(cuts)), len(body)):
        found += reader.feed(body[at:cut])
        at = cut
    return found + (reader.cut() if lost else reader.end())


def messages(events: Sequence[Event]) -> list[tuple[str, bool]]:
    """The text of each message in the order in which they began, and whether it is complete. Holds the events to their
    order: begun, pieces, ended; and one end, the last."""
    texts: dict[int, str] = {}
    complete: dict[int, bool] = {}
    for event in events:
        match event:
            case SegmentBegun(number):
                assert number == len(texts)
                texts[number] = ""
            case Piece(number, text):
                assert text
                assert number not in complete
                texts[number] += text
            case SegmentEnded(number, failed):
                assert texts[number].strip()
                assert number not in complete
                complete[number] = not failed
            case LineError():
                pass
            case Ended():
                assert event is events[-1]
    assert texts.keys() == complete.keys()
    return [(text, complete[number]) for number, text in texts.items()]


def ending(events: Sequence[Event]) -> Ended:
    last = events[-1]
    assert isinstance(last, Ended)
    return last


def line(kind: str, content: str | None = None, node: str = "AI Agent", run: int = 0) -> dict[str, Any]:
    """A line as n8n 2.41 sends it."""
    metadata = {"nodeId": node, "nodeName": node, "itemIndex": 0, "runIndex": run, "timestamp": 1795923248264}
    return {"type": kind, **({} if content is None else {"content": content}), "metadata": metadata}


def stream(*lines: object) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
