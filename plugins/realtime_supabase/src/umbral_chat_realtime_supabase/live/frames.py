"""Frames of Realtime's protocol 1.0.0, which is Phoenix channels over JSON objects. Pure.

Source: Supabase's `guides/realtime/protocol` and the server's `user_socket.ex` and `realtime_channel.ex`. Version 1.0.0
is spoken by every server, and what both versions carry to a service is the same JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec
from umbral_chat.model.depth import STORED_DEPTH, flattened, is_deeper

PREFIX = "realtime:"
"""Before a topic's name in every frame."""

PHOENIX = "phoenix"
"""The topic of heartbeats."""


class Frame(msgspec.Struct, frozen=True):
    """A frame that is received. `payload` is left undecoded: most payloads are passed on or ignored."""

    topic: str
    event: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    ref: str | None = None
    join_ref: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """The payload of `phx_reply`. An error's `response` has its `reason`."""

    status: str
    response: Any = None

    @property
    def reason(self) -> str:
        """Why it is an error, as the server puts it."""
        return str(self.response.get("reason", "")) if isinstance(self.response, dict) else str(self.response)


class System(msgspec.Struct, frozen=True):
    """The payload of `system`: the server's report on a channel. An error is followed by `phx_close`."""

    status: str = ""
    message: Any = ""
    extension: str = ""


class BroadcastPayload(msgspec.Struct, frozen=True):
    """The payload of `broadcast`."""

    event: str
    payload: msgspec.Raw = msgspec.Raw(b"null")


_FRAME_DEPTH = 3
"""Levels of nesting that the protocol itself has: the frame, its payload, and the payload of a broadcast."""

_encoder = msgspec.json.Encoder()
_frames = msgspec.json.Decoder(Frame)
_replies = msgspec.json.Decoder(Reply)
_systems = msgspec.json.Decoder(System)
_broadcasts = msgspec.json.Decoder(BroadcastPayload)


def read(data: str | bytes) -> Frame:
    """Decode a frame. Raises msgspec.DecodeError (ValidationError is one) for data that is none.

    A frame that is nested deeper than an entry may be is decoded without its deep parts: of a broadcast entry there is
    then only the head.
    """
    return _frames.decode(flattened(data, _FRAME_DEPTH) if is_deeper(data, STORED_DEPTH) else data)


def reply_of(frame: Frame) -> Reply:
    """Decode the payload of `phx_reply`. Raises msgspec.DecodeError."""
    return _replies.decode(frame.payload)


def system_of(frame: Frame) -> System:
    """Decode the payload of `system`. Raises msgspec.DecodeError."""
    return _systems.decode(frame.payload)


def broadcast_of(frame: Frame) -> BroadcastPayload:
    """Decode the payload of `broadcast`. Raises msgspec.DecodeError."""
    return _broadcasts.decode(frame.payload)


def join(topic: str, ref: str, token: str | None) -> str:
    """The frame to join a private channel, without one's own broadcasts, and with a message when the database's
    broadcasts are ready.

    `token` None: the channel is authorized by the socket's own key, as opaque keys (`sb_secret_…`) require.
    """
    broadcast = {"self": False, "ack": False, "replication_ready": True}
    config = {"private": True, "broadcast": broadcast, "presence": {"enabled": False, "key": ""}}
    payload: dict[str, Any] = {"config": config} | ({} if token is None else {"access_token": token})
    return _frame(topic, "phx_join", payload, ref, ref)


def broadcast(topic: str, event: str, payload: Any, ref: str, join_ref: str) -> str:
    """The frame to broadcast to the others on a joined channel."""
    return _frame(topic, "broadcast", {"type": "broadcast", "event": event, "payload": payload}, ref, join_ref)


def heartbeat(ref: str) -> str:
    """The frame of a heartbeat, which the server answers."""
    return _encoder.encode({"topic": PHOENIX, "event": "heartbeat", "payload": {}, "ref": ref}).decode()


def _frame(topic: str, event: str, payload: Any, ref: str, join_ref: str) -> str:
    frame = {"topic": PREFIX + topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
    return _encoder.encode(frame).decode()


__all__ = [
    "PHOENIX",
    "PREFIX",
    "BroadcastPayload",
    "Frame",
    "Reply",
    "System",
    "broadcast",
    "broadcast_of",
    "heartbeat",
    "join",
    "read",
    "reply_of",
    "system_of",
]
