"""The protocol of n8n's chat widget (`@n8n/chat` 1.37): what it sends, and what it can show. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from umbral_chat.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    RequestError,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)
from umbral_chat.model.depth import check_depth
from umbral_chat.model.entries import FoldedMessage

from umbral_chat_n8n_bridge.chats import RESERVED

SESSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
"""A version-4 UUID, as the widget draws it: 122 random bits, so that whoever has it was given it."""

NO_HISTORY = b'{"data":[]}'


class WidgetRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One POST. Further fields are ignored, as n8n does."""

    action: str = "sendMessage"
    session: str = msgspec.field(name="sessionId")
    text: str = msgspec.field(name="chatInput", default="")
    metadata: dict[str, Any] | None = None
    files: list[Any] = []
    """Over the WebSocket; over HTTP they come in a form."""

    @classmethod
    def parse(cls, raw: bytes) -> WidgetRequest:
        """Raises InvalidRequest (`invalid_field`)."""
        try:
            return _decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise InvalidRequest("The request is not one of n8n's chat.", code="invalid_field", field="body") from None

    @classmethod
    def of_form(cls, texts: Mapping[str, str], depth: int) -> WidgetRequest:
        """The same in the fields of a form, of which `metadata` is JSON of at most `depth` levels. Raises
        InvalidRequest (`invalid_field`, `too_deep`)."""
        known = {name: texts[name] for name in ("action", "sessionId", "chatInput") if name in texts}
        metadata: Any = None
        if text := texts.get("metadata"):
            raw = text.encode()
            check_depth(raw, depth)
            try:
                metadata = msgspec.json.decode(raw)
            except (msgspec.DecodeError, RecursionError):
                metadata = text  # which is refused below
        try:
            return msgspec.convert({**known, "metadata": metadata}, cls)
        except msgspec.ValidationError:
            raise InvalidRequest("The request is not one of n8n's chat.", code="invalid_field", field="body") from None

    def own_metadata(self) -> dict[str, Any] | None:
        """What the page added, without what only the service may say."""
        found = {name: value for name, value in (self.metadata or {}).items() if not name.startswith(RESERVED)}
        return found or None


_decoder = msgspec.json.Decoder(WidgetRequest)


def shown(text: str) -> bytes:
    """The answer of an execution that did not stream."""
    return msgspec.json.encode({"output": text})


def failure(text: str) -> bytes:
    """An error as the widget shows it: `message`, whatever the status."""
    return msgspec.json.encode({"message": text})


def failure_line(text: str) -> bytes:
    """An error in a stream: with another status the widget shows none of the body."""
    return msgspec.json.encode({"type": "error", "content": text}) + b"\n"


KEEP_ALIVE_LINE = b'{"type":"keepalive"}\n'
"""Ignored by the widget, and keeps proxies from ending a stream in which nothing comes."""

BLANK = b"\n"
"""The same for JSON, before which white space may stand."""


def history(messages: Iterable[FoldedMessage]) -> bytes:
    """The answer to `loadPreviousSession`. The widget tells two kinds apart, and shows nothing else of a message."""
    return msgspec.json.encode({"data": [_item(message) for message in messages if message.content]})


def _item(message: FoldedMessage) -> dict[str, Any]:
    kind = "HumanMessage" if message.sender.role == "user" else "AIMessage"
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain_core", "messages", kind],
        "kwargs": {"content": message.content, "additional_kwargs": {}, "response_metadata": {}},
    }


class StreamLines:
    """The lines for messages as they grow: for each begin, items and end, under a node id of its own, by which the
    widget tells bubbles apart."""

    def __init__(self, chat: str) -> None:
        self._chat = chat
        self._sent: dict[str, int] = {}

    def grown(self, message_id: str, text: str, now: datetime) -> bytes:
        """The lines for what was added to a message's text."""
        lines: list[bytes] = []
        at = self._sent.get(message_id)
        if at is None:
            lines.append(self._line("begin", message_id, now))
            at = 0
        if len(text) > at:
            lines.append(self._line("item", message_id, now, text[at:]))
        self._sent[message_id] = max(at, len(text))
        return b"".join(lines)

    def written(self, message_id: str, text: str, now: datetime) -> bytes:
        """The lines for a message that is complete."""
        return self.grown(message_id, text, now) + self._line("end", message_id, now)

    def _line(self, kind: str, message_id: str, now: datetime, content: str | None = None) -> bytes:
        metadata = {
            "nodeId": message_id,
            "nodeName": self._chat,
            "itemIndex": 0,
            "runIndex": 0,
            "timestamp": int(now.timestamp() * 1000),
        }
        line: dict[str, Any] = {"type": kind, "metadata": metadata}
        if content is not None:
            line = {"type": kind, "content": content, "metadata": metadata}
        return msgspec.json.encode(line) + b"\n"


def joined(texts: Sequence[str]) -> str:
    """The messages of one answer as one, for a widget that shows only one."""
    return "\n\n".join(texts)


def started(execution: str, token: str) -> bytes:
    """The answer after which the widget opens its WebSocket with the token."""
    return msgspec.json.encode({"executionStarted": True, "executionId": execution, "resumeToken": token})


_SENTENCES = {
    "rate_limited": "Too many messages. Please wait a moment.",
    "too_many_own_readers": "The chat is open too often. Please close another tab.",
    "too_many_readers": "The chat is busy. Please try again in a moment.",
}


def sentence(error: RequestError) -> str:
    """What a visitor is shown."""
    if isinstance(error, InvalidRequest | Forbidden | NotFound | UnsupportedMedia):
        return error.detail
    if isinstance(error, TooLarge) and error.field == "files":
        return error.detail
    if isinstance(error, Unavailable):
        return _SENTENCES.get(error.code, "The chat is not available. Please try again in a moment.")
    return _SENTENCES.get(error.code, "The message was not accepted.")


__all__ = [
    "BLANK",
    "KEEP_ALIVE_LINE",
    "NO_HISTORY",
    "SESSION",
    "StreamLines",
    "WidgetRequest",
    "failure",
    "failure_line",
    "history",
    "joined",
    "sentence",
    "shown",
    "started",
]
