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
    """What comes in. `payload` is left undecoded: most of what comes is handed on or passed over."""

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
        """Why it is an error, in the server's words."""
        return str(self.response.get("reason", "")) if isinstance(self.response, dict) else str(self.response)


class System(msgspec.Struct, frozen=True):
    """The payload of `system`: what the server says of a channel. An error is followed by `phx_close`."""

    status: str = ""
    message: Any = ""
    extension: str = ""


class Broadcast(msgspec.Struct, frozen=True):
    """The payload of `broadcast`."""

    event: str
    payload: msgspec.Raw = msgspec.Raw(b"null")


_FLAT = 3
"""Levels of a frame that are what it is: the frame, its payload, and the payload of a broadcast."""

_encoder = msgspec.json.Encoder()
_frames = msgspec.json.Decoder(Frame)
_replies = msgspec.json.Decoder(Reply)
_systems = msgspec.json.Decoder(System)
_broadcasts = msgspec.json.Decoder(Broadcast)


def read(data: str | bytes) -> Frame:
    """The frame. Raises msgspec.DecodeError (ValidationError is one) for what is none.

    What is nested too deep to be handed on comes without its deep parts: of a broadcast entry, that there is one.
    """
    return _frames.decode(flattened(data, _FLAT) if is_deeper(data, STORED_DEPTH) else data)


def reply_of(frame: Frame) -> Reply:
    """Raises msgspec.DecodeError."""
    return _replies.decode(frame.payload)


def system_of(frame: Frame) -> System:
    """Raises msgspec.DecodeError."""
    return _systems.decode(frame.payload)


def broadcast_of(frame: Frame) -> Broadcast:
    """Raises msgspec.DecodeError."""
    return _broadcasts.decode(frame.payload)


def join(topic: str, ref: str, token: str | None) -> str:
    """Join a private channel, hear no broadcast of one's own, and be told when the database's broadcasts are ready.

    `token` None: the channel goes by the socket's own key, which is how opaque keys (`sb_secret_…`) must do it.
    """
    broadcast = {"self": False, "ack": False, "replication_ready": True}
    config = {"private": True, "broadcast": broadcast, "presence": {"enabled": False, "key": ""}}
    payload: dict[str, Any] = {"config": config} | ({} if token is None else {"access_token": token})
    return _frame(topic, "phx_join", payload, ref, ref)


def say(topic: str, event: str, payload: Any, ref: str, join_ref: str) -> str:
    """Broadcast to the others on a channel that one has joined."""
    return _frame(topic, "broadcast", {"type": "broadcast", "event": event, "payload": payload}, ref, join_ref)


def heartbeat(ref: str) -> str:
    """Are you there?"""
    return _encoder.encode({"topic": PHOENIX, "event": "heartbeat", "payload": {}, "ref": ref}).decode()


def _frame(topic: str, event: str, payload: Any, ref: str, join_ref: str) -> str:
    frame = {"topic": PREFIX + topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
    return _encoder.encode(frame).decode()


__all__ = [
    "PHOENIX",
    "PREFIX",
    "Broadcast",
    "Frame",
    "Reply",
    "System",
    "broadcast_of",
    "heartbeat",
    "join",
    "read",
    "reply_of",
    "say",
    "system_of",
]
