"""Joins: authentication, authorization, and the first messages of a channel.

The server handles one join of a socket at a time, and pauses before it refuses one: the socket's other frames, in both
directions, wait meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import replay
from .authorization import ReadRights, Unavailable, read_rights
from .channel import PREFIX, Channel
from .frames import Frame
from .tokens import BadToken, Claims, verified_claims

if TYPE_CHECKING:
    from .socket import Socket

READY_TIMEOUT = 60.0
"""Seconds after which a channel that waits for the database's broadcasts ends."""


class JoinRefused(Exception):
    """The text is the reason. `ends`: the socket is closed as well."""

    def __init__(self, reason: str, *, ends: bool = False) -> None:
        super().__init__(reason)
        self.ends = ends


@dataclass(frozen=True)
class JoinAccepted:
    """What an accepted join has been granted; `stored` are the broadcasts to replay."""

    claims: Claims
    token: str | None
    rights: ReadRights
    stored: list[replay.ReplayedBroadcast]


async def handle_join(socket: Socket, frame: Frame) -> Channel | None:
    """Answer a join; the new channel, or None if it is refused."""
    config = frame.payload.get("config")
    try:
        found = await _check(socket, frame, config if isinstance(config, dict) else {})
        _check_form(frame.payload)
    except (JoinRefused, BadToken) as error:
        await socket.pause(socket.server.limits.error_pause)
        await socket.answer(frame, {"reason": str(error)}, status="error")
        if isinstance(error, JoinRefused) and error.ends:
            await socket.close(1000)
        return None
    channel = Channel(
        socket, frame, config if isinstance(config, dict) else {}, found.claims, found.token, found.rights
    )
    channel.replayed = found.stored
    socket.channels[channel.name] = channel
    await socket.answer(frame, {"postgres_changes": _changes(frame)})
    return channel


async def send_first_messages(channel: Channel, config: dict[str, Any]) -> None:
    """Send what a channel gets first: replayed broadcasts, the readiness of replication, and the presence state."""
    await channel.send_replayed()
    if (config.get("broadcast") or {}).get("replication_ready"):
        channel.socket.spawn(_ready(channel))
    if channel.presence_enabled and channel.rights.presence:
        await channel.push("presence_state", channel.group.presence.state())


async def _ready(channel: Channel) -> None:
    ready = channel.socket.server.replication.ready
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await ready.wait()
    except TimeoutError:
        await channel.fail("Replication connection was not established in time")
        return
    if channel.is_open:
        await channel.system("ok", "Replication connection established")


async def _check(socket: Socket, frame: Frame, config: dict[str, Any]) -> JoinAccepted:
    server, topic = socket.server, frame.topic.removeprefix(PREFIX)
    if server.faults.refuse_join is not None:
        server.hits["refuse_join"] += 1
        raise JoinRefused(server.faults.refuse_join)
    if not topic:
        raise JoinRefused("TopicNameRequired: You must provide a topic name")
    if not socket.channels and server.users >= server.limits.users:
        raise JoinRefused("ConnectionRateLimitReached: Too many connected users")
    if server.joins.over:
        raise JoinRefused("ClientJoinRateLimitReached: Too many joins per second", ends=True)
    server.joins.add()
    if len(socket.channels) >= server.limits.channels_per_client:
        raise JoinRefused("ChannelRateLimitReached: Too many channels")
    if config.get("postgres_changes"):
        raise JoinRefused("ErrorOnRpcCall: this stand-in has no postgres_changes, see its README")
    given = frame.payload.get("access_token") or frame.payload.get("user_token")
    token = given if isinstance(given, str) and not given.startswith("sb_") else None
    claims = socket.claims if token is None else verified_claims(token, server.verify)
    if token is None and socket.token is not None:
        # The handshake's token, which may have expired meanwhile.
        claims = verified_claims(socket.token, server.verify)
    rights, broadcast = await _rights(socket, topic, claims, config), config.get("broadcast")
    stored: list[replay.ReplayedBroadcast] = []
    if isinstance(broadcast, dict) and "replay" in broadcast:
        stored = await _replayed(socket, topic, broadcast["replay"], config, rights)
    return JoinAccepted(claims, token, rights, stored)


async def _rights(socket: Socket, topic: str, claims: Claims, config: dict[str, Any]) -> ReadRights:
    replication = socket.server.replication
    replication.prepare()
    try:
        if not is_private(config):
            return ReadRights(broadcast=True, presence=True)
        presence = bool((_map(config.get("presence"))).get("enabled"))
        found = await read_rights(socket.server.url, topic, claims, presence=presence)
    except Unavailable as error:
        raise JoinRefused(str(error)) from None
    finally:
        replication.release()
    if not found.broadcast and not found.presence:
        raise JoinRefused(f"Unauthorized: You do not have permissions to read from this Channel topic: {topic}")
    return found


async def _replayed(
    socket: Socket, topic: str, given: Any, config: dict[str, Any], rights: ReadRights
) -> list[replay.ReplayedBroadcast]:
    if not is_private(config):
        raise JoinRefused("UnableToReplayMessages: Replay is not allowed for public channels")
    if not rights.broadcast:
        raise JoinRefused(f"Unauthorized: You do not have permissions to read from this Channel topic: {topic}")
    if not isinstance(given, dict):
        return []
    try:
        request = replay.parse(given)
    except replay.BadReplay:
        raise JoinRefused("UnableToReplayMessages: Replay params are not valid") from None
    return await replay.replay(socket.server.url, topic, request)


def _check_form(payload: dict[str, Any]) -> None:
    # The server does not check the types of these, and answers with Elixir's own error.
    config = payload.get("config")
    for value in (config, config.get("broadcast") if isinstance(config, dict) else None):
        if not isinstance(value, dict | None):
            raise JoinRefused("UnknownErrorOnChannel: no function clause matching in Access.get/3")


def _changes(frame: Frame) -> list[dict[str, Any]]:
    """A join without a config is an old client's, and subscribes to changes of the schema that the topic names."""
    if "config" in frame.payload:
        return []
    names = dict(zip(("schema", "table", "filter"), frame.topic.removeprefix(PREFIX).split(":", 2), strict=False))
    return [names | {"id": sum(map(ord, frame.topic))}]


def is_private(config: dict[str, Any]) -> bool:
    """Whether a join's config asks for a private channel; other values than these are false."""
    return config.get("private") in (True, "true", "1")


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


__all__ = ["handle_join", "is_private", "send_first_messages"]
