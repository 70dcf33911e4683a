"""Frames on the wire: objects in vsn 1.0.0, arrays and binary broadcasts in vsn 2.0.0 (Realtime's v1 and v2
serializers).

In 2.0.0 a broadcast is binary only if its payload arrived as bytes that the server does not parse: a binary push, a row
of the database, a single REST broadcast. One from a text frame, a batch or a replay is sent as text.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

PUSH, BROADCAST = 3, 4
"""First byte of a binary frame: from a client, from the server."""

MAX_NAME_BYTES = 255
"""Longest topic, event or meta of a binary frame, in bytes."""


class BadFrame(ValueError):
    """The data is no valid frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the Phoenix protocol."""

    topic: str
    event: str
    payload: dict[str, Any] = field(default_factory=dict)
    ref: str | None = None
    join_ref: str | None = None
    binary: bytes | None = None
    """The payload of a broadcast, if it is not JSON."""
    json: bytes | None = None
    """The payload of a broadcast as the JSON text that was received; it is in `payload`, too."""


def decode(data: str | bytes, vsn: int) -> Frame:
    """Decode a frame that a client sent. Raises BadFrame."""
    try:
        if isinstance(data, bytes):
            return _decode_push(data)
        found = json.loads(data)
        if vsn == 1:
            frame = Frame(found["topic"], found["event"], found["payload"], found.get("ref"), found.get("join_ref"))
        else:
            join_ref, ref, topic, event, payload = found
            frame = Frame(topic, event, payload, ref, join_ref)
        if not isinstance(frame.payload, dict):
            raise BadFrame("a payload that is no object")
        return frame
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise BadFrame(str(error)) from error


def encode(frame: Frame, vsn: int) -> str | bytes | None:
    """Encode a frame for a client; None for one that its version cannot represent."""
    if vsn == 1:
        if frame.binary is not None:
            return None
        # The server names no join in this version.
        return dumps({"ref": frame.ref, "event": frame.event, "payload": frame.payload, "topic": frame.topic})
    if frame.event == "broadcast" and (frame.binary is not None or frame.json is not None):
        return _encode_broadcast(frame)
    return dumps([frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload])


def dumps(value: Any) -> str:
    """JSON without spaces, as the server writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _decode_push(data: bytes) -> Frame:
    kind, *lengths, encoding = struct.unpack_from("7B", data)
    if kind != PUSH:
        raise BadFrame(f"a binary frame of kind {kind}")
    at, parts = 7, []
    for length in lengths:
        parts.append(data[at : at + length].decode())
        if len(data) < at + length:
            raise BadFrame("a binary frame that ends too early")
        at += length
    join_ref, ref, topic, event, _meta = parts
    body = data[at:]
    payload: dict[str, Any] = {"type": "broadcast", "event": event}
    if encoding == 1:
        payload["payload"] = json.loads(body)
        return Frame(topic, "broadcast", payload, ref or None, join_ref or None, json=body)
    return Frame(topic, "broadcast", payload, ref or None, join_ref or None, body)


def _encode_broadcast(frame: Frame) -> bytes:
    meta = frame.payload.get("meta")
    topic, event = frame.topic.encode(), str(frame.payload.get("event", "")).encode()
    about = dumps(meta).encode() if meta else b""
    if max(len(topic), len(event), len(about)) > MAX_NAME_BYTES:
        raise BadFrame("a name of more than 255 bytes")
    body = frame.binary if frame.binary is not None else frame.json or b""
    head = struct.pack("5B", BROADCAST, len(topic), len(event), len(about), frame.binary is None)
    return head + topic + event + about + body


__all__ = ["BROADCAST", "MAX_NAME_BYTES", "PUSH", "BadFrame", "Frame", "decode", "dumps", "encode"]
