"""Broadcasts over HTTP: many at once, or one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .authorization import allowed
from .server import Realtime
from .tokens import BadToken, Claims, read

Handler = Callable[[web.Request], Awaitable[web.Response]]


def batch(realtime: Realtime, claims_of: Callable[[web.Request], Claims]) -> Handler:
    """`POST /api/broadcast`: 202 whatever becomes of a private message that the caller may not send."""

    async def handle(request: web.Request) -> web.Response:
        if realtime.faults.refuse_rest is not None:
            return web.Response(status=realtime.faults.refuse_rest)
        try:
            claims = claims_of(request)
            messages = (await request.json())["messages"]
        except BadToken:
            return web.json_response({"message": "Unauthorized"}, status=401)
        except (ValueError, KeyError, TypeError):
            return web.json_response({"errors": {"messages": ["can't be blank"]}}, status=422)
        problems = [_problem(realtime, message) for message in messages]
        if any(problems):
            return web.json_response({"errors": {"messages": problems}}, status=422)
        if sum(realtime.count_event() for _ in messages):
            return web.json_response(
                {"message": "Too many messages to broadcast, please reduce the batch size"}, status=429
            )
        for message in messages:
            private = bool(message.get("private"))
            if not private or await allowed(realtime.url, message["topic"], claims, "write"):
                await _tell(realtime, message["topic"], private, message["event"], message["payload"])
        return web.Response(status=202)

    return handle


def single(realtime: Realtime, claims_of: Callable[[web.Request], Claims]) -> Handler:
    """`POST /api/broadcast/{topic}/events/{event}?private=true`: the body is the payload."""

    async def handle(request: web.Request) -> web.Response:
        if realtime.faults.refuse_rest is not None:
            return web.Response(status=realtime.faults.refuse_rest)
        topic, event = request.match_info["topic"], request.match_info["event"]
        private = request.query.get("private") == "true"
        body = await request.read()
        try:
            claims = claims_of(request)
        except BadToken:
            return web.json_response({"message": "Unauthorized"}, status=401)
        if request.content_type not in {"application/json", "application/octet-stream"}:
            return web.Response(status=415)
        if len(body) > realtime.limits.payload:
            return web.json_response({"error": "Payload size exceeds tenant limit"}, status=422)
        if realtime.count_event():
            return web.json_response({"message": "Too many messages per second"}, status=429)
        if private and not await allowed(realtime.url, topic, claims, "write"):
            return web.json_response({"message": "Forbidden"}, status=403)
        if request.content_type == "application/octet-stream":
            await _tell(realtime, topic, private, event, None, binary=body)
            return web.Response(status=202)
        try:
            payload = json.loads(body)
        except ValueError:
            return web.json_response({"error": "Payload is no JSON"}, status=422)
        await _tell(realtime, topic, private, event, payload)
        return web.Response(status=202)

    return handle


def claims_from(realtime: Realtime, role_of: Callable[[str], str | None]) -> Callable[[web.Request], Claims]:
    """Who calls: the bearer's token, else the role of the API key."""

    def claims_of(request: web.Request) -> Claims:
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        if token and not token.startswith("sb_"):
            return read(token, realtime.verify)
        role = role_of(token or request.headers.get("apikey", ""))
        if role is None:
            raise BadToken("Unauthorized", "Unauthorized")
        return {"role": role}

    return claims_of


def _problem(realtime: Realtime, message: Any) -> dict[str, list[str]]:
    if not isinstance(message, dict):
        return {"message": ["is invalid"]}
    names = [name for name in ("topic", "event") if not message.get(name)]
    names += [] if isinstance(message.get("payload"), dict) else ["payload"]
    missing = {name: ["can't be blank"] for name in names}
    if not missing and len(json.dumps(message["payload"])) > realtime.limits.payload:
        return {"payload": ["Payload size exceeds tenant limit"]}
    return missing


async def _tell(
    realtime: Realtime, topic: str, private: bool, event: str, payload: Any, *, binary: bytes | None = None
) -> None:
    room = realtime.rooms.find((topic, private))
    if room is not None:
        await room.broadcast(event, payload, binary=binary)


__all__ = ["batch", "claims_from", "single"]
