"""Frames of the WebSocket by which n8n runs a workflow with Chat nodes (*Using Response Nodes*). Pure.

Source: captured from n8n 2.41, and its `chat/chat-service.js`. Frames are text: a message is the text itself, and what
n8n says beside it begins with `n8n|`. In a second dialect each frame is a JSON object with a `type`; the first
heartbeat, which is the first frame, decides which is spoken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from umbral_chat_n8n_bridge.files.data_urls import encoded_file
from umbral_chat_n8n_bridge.files.uploaded import UploadedFile

ACK = "n8n|heartbeat-ack"

_REJECTED = "Connection rejected"
_JSON_ACK = '{"type":"heartbeat-ack"}'


class HeartbeatFrame(NamedTuple):
    """To be answered with `ack` within a minute: n8n cancels the execution of a client that is silent."""

    ack: str


class MessageFrame(NamedTuple):
    """A message."""

    text: str


class ContinueFrame(NamedTuple):
    """The execution goes on without waiting for the user."""


class RejectedFrame(NamedTuple):
    """The execution is not there, or its token is another one. The socket is closed behind it."""


class FailedFrame(NamedTuple):
    """An error, in the JSON dialect. What it says is written for the workflow's author, and is not passed on."""


ChatFrame = HeartbeatFrame | MessageFrame | ContinueFrame | RejectedFrame | FailedFrame


class FrameReader:
    """Reads the frames of one socket."""

    def __init__(self) -> None:
        self._dialect: Literal["text", "json"] | None = None

    def read(self, data: str | bytes) -> ChatFrame | None:
        """The frame; None: one that means nothing here, such as of a later version."""
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        if self._dialect is None:
            if text == _REJECTED:
                return RejectedFrame()
            # Without a heartbeat at first it is what the captured version speaks.
            self._dialect = "json" if _object(text).get("type") == "heartbeat" else "text"
        return _of_object(_object(text)) if self._dialect == "json" else _of_text(text)


def _of_text(text: str) -> ChatFrame:
    match text:
        case "n8n|heartbeat":
            return HeartbeatFrame(ACK)
        case "n8n|continue":
            return ContinueFrame()
        case _:
            return MessageFrame(text)


def _of_object(value: dict[str, Any]) -> ChatFrame | None:
    text = value.get("text")
    match value.get("type"):
        case "heartbeat":
            return HeartbeatFrame(_JSON_ACK)
        case "continue":
            return ContinueFrame()
        case "error":
            return FailedFrame()
        case "message" if isinstance(text, str):
            return MessageFrame(text)
        case "with-buttons":
            return MessageFrame(msgspec.json.encode(value).decode())
        case _:
            return None


def _object(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def answer_frame(session: str, text: str, files: Sequence[UploadedFile] = ()) -> str:
    """What the user answered, as n8n's widget sends it."""
    body = {
        "sessionId": session,
        "action": "sendMessage",
        "chatInput": text,
        "files": [encoded_file(one) for one in files],
    }
    return msgspec.json.encode(body).decode()


__all__ = [
    "ACK",
    "ChatFrame",
    "ContinueFrame",
    "FailedFrame",
    "FrameReader",
    "HeartbeatFrame",
    "MessageFrame",
    "RejectedFrame",
    "answer_frame",
]
