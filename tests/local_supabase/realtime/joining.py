"""A join: who asks, whether it may, and what it is told at first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg

from .authorization import allowed
from .channel import PREFIX, Channel
from .frames import Frame
from .replay import replay
from .tokens import BadToken, Claims, read

if TYPE_CHECKING:
    from .socket import Socket


class Refused(Exception):
    """The reason."""


async def join(socket: Socket, frame: Frame) -> None:
    """Decide, and answer."""
    config = frame.payload.get("config")
    config = config if isinstance(config, dict) else {}
    try:
        claims = await _admitted(socket, frame, config)
    except (Refused, BadToken) as error:
        await asyncio.sleep(socket.server.limits.error_pause)
        await socket.reply(frame, {"reason": str(error)}, status="error")
        return
    await socket.server.replication.ensure()
    channel = Channel(socket, frame, config, claims)
    socket.channels[channel.name] = channel
    await socket.reply(frame, {"postgres_changes": []})
    broadcast = config.get("broadcast") or {}
    if broadcast.get("replication_ready"):
        words = "Replication connection established"
        body = {"extension": "system", "status": "ok", "message": words, "channel": channel.topic}
        await socket.send(Frame(channel.name, "system", body, join_ref=channel.join_ref))
    if channel.presence_enabled:
        state = channel.room.presence.state()
        await channel.deliver(Frame(channel.name, "presence_state", state, join_ref=channel.join_ref))
    if broadcast.get("replay"):
        for stored in await replay(socket.server.url, channel.topic, broadcast["replay"]):
            await channel.deliver(Frame(channel.name, "broadcast", stored))


async def _admitted(socket: Socket, frame: Frame, config: dict[str, Any]) -> Claims:
    server, topic = socket.server, frame.topic.removeprefix(PREFIX)
    if server.faults.refuse_join is not None:
        server.hits["refuse_join"] += 1
        raise Refused(server.faults.refuse_join)
    if not frame.topic.startswith(PREFIX) or not topic:
        raise Refused("TopicNameRequired: You must provide a topic name")
    if len(socket.channels) >= server.limits.channels_per_client:
        raise Refused("ChannelRateLimitReached: Too many channels")
    if server.joins.add() > server.limits.joins_per_second:
        raise Refused("ClientJoinRateLimitReached: Too many joins per second")
    if config.get("postgres_changes"):
        raise Refused("ErrorOnRpcCall: this stand-in has no postgres_changes, see its README")
    token = frame.payload.get("access_token") or frame.payload.get("user_token")
    claims = socket.claims
    if isinstance(token, str) and not token.startswith("sb_"):
        claims = read(token, server.verify)
    private = bool(config.get("private"))
    _check_replay((config.get("broadcast") or {}).get("replay"), private=private)
    if private and not await _may_read(socket, topic, claims):
        raise Refused(f"Unauthorized: You do not have permissions to read from this Channel topic: {topic}")
    return claims


def _check_replay(asked: Any, *, private: bool) -> None:
    if asked and (not private or not isinstance(asked, dict) or not isinstance(asked.get("since"), int)):
        raise Refused("UnableToReplayMessages: Replay is for private channels, with `since` in milliseconds")


async def _may_read(socket: Socket, topic: str, claims: Claims) -> bool:
    try:
        return await allowed(socket.server.url, topic, claims, "read")
    except psycopg.OperationalError:
        raise Refused("UnableToConnectToProject: Realtime was unable to connect to the project database") from None
    except psycopg.Error as error:
        if "no partition" in str(error):
            await socket.server.replication.ensure()
            raise Refused("MissingPartition: Partitions are being made, try again") from None
        raise Refused("ErrorOnRpcCall: the policies could not be asked") from None


__all__ = ["join"]
