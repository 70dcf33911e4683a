"""A join: who asks, whether it may, and what it is told at first.

The server decides on one join of a socket at a time, and pauses before it refuses one: whatever else the socket asks
for or is to hear waits meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import replay
from .channel import PREFIX, Channel
from .frames import Frame
from .policies import Reads, Unavailable, reads
from .tokens import BadToken, Claims, read

if TYPE_CHECKING:
    from .socket import Socket

READY_EVERY, READY_PATIENCE = 0.5, 60.0
"""Seconds between two looks whether the database's broadcasts come, and until a channel that waits for it ends."""


class Refused(Exception):
    """The reason. `ends`: the socket is told to go as well."""

    def __init__(self, reason: str, *, ends: bool = False) -> None:
        super().__init__(reason)
        self.ends = ends


@dataclass(frozen=True)
class Admitted:
    """What a join that may be is given."""

    claims: Claims
    token: str | None
    reads: Reads
    stored: list[replay.Replayed]


async def decide(socket: Socket, frame: Frame) -> Channel | None:
    """Answer, and return the channel unless it is refused."""
    config = frame.payload.get("config")
    try:
        found = await _admitted(socket, frame, config if isinstance(config, dict) else {})
        _check_form(frame.payload)
    except (Refused, BadToken) as error:
        await socket.pause(socket.server.limits.error_pause)
        await socket.answer(frame, {"reason": str(error)}, status="error")
        if isinstance(error, Refused) and error.ends:
            await socket.close(1000)
        return None
    channel = Channel(socket, frame, config if isinstance(config, dict) else {}, found.claims, found.token, found.reads)
    channel.replayed = found.stored
    socket.channels[channel.name] = channel
    await socket.answer(frame, {"postgres_changes": _changes(frame)})
    return channel


async def begin(channel: Channel, config: dict[str, Any]) -> None:
    """What a channel is told first: what is replayed, whether the database's broadcasts come, and who is there."""
    await channel.tell_replayed()
    if (config.get("broadcast") or {}).get("replication_ready"):
        channel.socket.spawn(_ready(channel))
    if channel.presence_enabled and channel.reads.presence:
        await channel.push("presence_state", channel.room.presence.state())


async def _ready(channel: Channel) -> None:
    ready = channel.socket.server.replication.ready
    try:
        async with asyncio.timeout(READY_PATIENCE):
            await ready.wait()
    except TimeoutError:
        await channel.fail("Replication connection was not established in time")
        return
    if channel.is_open:
        await channel.system("ok", "Replication connection established")


async def _admitted(socket: Socket, frame: Frame, config: dict[str, Any]) -> Admitted:
    server, topic = socket.server, frame.topic.removeprefix(PREFIX)
    if server.faults.refuse_join is not None:
        server.hits["refuse_join"] += 1
        raise Refused(server.faults.refuse_join)
    if not topic:
        raise Refused("TopicNameRequired: You must provide a topic name")
    if not socket.channels and server.users >= server.limits.users:
        raise Refused("ConnectionRateLimitReached: Too many connected users")
    if server.joins.over:
        raise Refused("ClientJoinRateLimitReached: Too many joins per second", ends=True)
    server.joins.add()
    if len(socket.channels) >= server.limits.channels_per_client:
        raise Refused("ChannelRateLimitReached: Too many channels")
    if config.get("postgres_changes"):
        raise Refused("ErrorOnRpcCall: this stand-in has no postgres_changes, see its README")
    given = frame.payload.get("access_token") or frame.payload.get("user_token")
    token = given if isinstance(given, str) and not given.startswith("sb_") else None
    claims = socket.claims if token is None else read(token, server.verify)
    if token is None and socket.token is not None:
        # The handshake's, whose time may be over by now.
        claims = read(socket.token, server.verify)
    may, broadcast = await _reads(socket, topic, claims, config), config.get("broadcast")
    stored: list[replay.Replayed] = []
    if isinstance(broadcast, dict) and "replay" in broadcast:
        stored = await _replayed(socket, topic, broadcast["replay"], config, may)
    return Admitted(claims, token, may, stored)


async def _reads(socket: Socket, topic: str, claims: Claims, config: dict[str, Any]) -> Reads:
    replication = socket.server.replication
    replication.begin()
    try:
        if not is_private(config):
            return Reads(broadcast=True, presence=True)
        presence = bool((_map(config.get("presence"))).get("enabled"))
        found = await reads(socket.server.url, topic, claims, presence=presence)
    except Unavailable as error:
        raise Refused(str(error)) from None
    finally:
        replication.go()
    if not found.broadcast and not found.presence:
        raise Refused(f"Unauthorized: You do not have permissions to read from this Channel topic: {topic}")
    return found


async def _replayed(
    socket: Socket, topic: str, given: Any, config: dict[str, Any], may: Reads
) -> list[replay.Replayed]:
    if not is_private(config):
        raise Refused("UnableToReplayMessages: Replay is not allowed for public channels")
    if not may.broadcast:
        raise Refused(f"Unauthorized: You do not have permissions to read from this Channel topic: {topic}")
    if not isinstance(given, dict):
        return []
    try:
        asked = replay.read(given)
    except replay.BadReplay:
        raise Refused("UnableToReplayMessages: Replay params are not valid") from None
    return await replay.replay(socket.server.url, topic, asked)


def _check_form(payload: dict[str, Any]) -> None:
    # The server looks into these without asking what they are, and tells what Elixir says of that.
    config = payload.get("config")
    for value in (config, config.get("broadcast") if isinstance(config, dict) else None):
        if not isinstance(value, dict | None):
            raise Refused("UnknownErrorOnChannel: no function clause matching in Access.get/3")


def _changes(frame: Frame) -> list[dict[str, Any]]:
    """A join without a config is one of an old client, who wants the changes of the schema that the topic names."""
    if "config" in frame.payload:
        return []
    names = dict(zip(("schema", "table", "filter"), frame.topic.removeprefix(PREFIX).split(":", 2), strict=False))
    return [names | {"id": sum(map(ord, frame.topic))}]


def is_private(config: dict[str, Any]) -> bool:
    """Whether a join's config asks for a private channel; what is no boolean is false."""
    return config.get("private") in (True, "true", "1")


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


__all__ = ["begin", "decide", "is_private"]
