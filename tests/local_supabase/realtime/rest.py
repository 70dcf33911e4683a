"""Broadcasts over HTTP: in a batch, or one alone."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .authorization import allowed
from .frames import Frame, dumps
from .limits import PADDING
from .server import Realtime
from .tokens import BadToken, Claims, verified_claims

Handler = Callable[[web.Request], Awaitable[web.Response]]
ClaimsOf = Callable[[web.Request], Claims]

_BLANK = "can't be blank"


def batch(realtime: Realtime, claims_of: ClaimsOf) -> Handler:
    """`POST /api/broadcast`: 202 also for a private message that the caller may not send, which is dropped."""

    async def handle(request: web.Request) -> web.Response:
        if realtime.faults.refuse_rest is not None:
            return web.Response(status=realtime.faults.refuse_rest)
        try:
            claims, body = claims_of(request), json.loads(await request.read())
        except BadToken:
            return _unauthorized()
        except ValueError:
            return web.Response(status=400, text="Bad Request")
        messages = body.get("messages") if isinstance(body, dict) else None
        if problems := _all_problems(realtime, messages):
            return _unprocessable({"messages": problems})
        if refused := _limited(realtime, len(messages or [])):
            return refused
        for message in messages or []:
            private, topic = bool(message.get("private")), message["topic"]
            if not private or await allowed(realtime.url, topic, claims, "write"):
                body = {"event": message["event"], "payload": message["payload"], "type": "broadcast"}
                if message.get("id"):
                    body["meta"] = {"id": message["id"]}
                await _broadcast(realtime, Frame(topic, "broadcast", body), private=private)
        return _accepted(realtime)

    return handle


def single(realtime: Realtime, claims_of: ClaimsOf) -> Handler:
    """`POST /api/broadcast/{topic}/events/{event}?private=true`: the body is the payload."""

    async def handle(request: web.Request) -> web.Response:
        if realtime.faults.refuse_rest is not None:
            return web.Response(status=realtime.faults.refuse_rest)
        binary, data = request.content_type == "application/octet-stream", await request.read()
        try:
            payload = json.loads(data) if request.content_type == "application/json" else None
            claims = claims_of(request)
        except ValueError:
            return web.Response(status=400, text="Bad Request")
        except BadToken:
            return _unauthorized()
        if not binary and request.content_type != "application/json":
            words = "Unsupported Media Type. Use application/json or application/octet-stream"
            return web.json_response({"error": words}, status=415, dumps=dumps)
        if len(data) > realtime.limits.payload + PADDING:
            return _unprocessable({"payload": ["Payload size exceeds tenant limit"]})
        if refused := _limited(realtime):
            return refused
        topic, private = request.match_info["topic"], request.query.get("private") == "true"
        if private and not await allowed(realtime.url, topic, claims, "write"):
            return web.json_response({"message": "Unauthorized"}, status=403, dumps=dumps)
        body: dict[str, Any] = {"event": request.match_info["event"], "type": "broadcast"}
        if binary:
            await _broadcast(realtime, Frame(topic, "broadcast", body, binary=data), private=private)
            return _accepted(realtime)
        # The server's body parser wraps what is no object in `_json`.
        body["payload"] = payload if isinstance(payload, dict) else {"_json": payload}
        sent = Frame(topic, "broadcast", body, json=dumps(body["payload"]).encode())
        await _broadcast(realtime, sent, private=private)
        return _accepted(realtime)

    return handle


def claims_from(realtime: Realtime, role_of: Callable[[str], str | None] | None) -> ClaimsOf:
    """The caller's claims: those of the bearer token; behind the gateway (`role_of`) else the role of the API key."""

    def claims_of(request: web.Request) -> Claims:
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        if token and not token.startswith("sb_"):
            return verified_claims(token, realtime.verify)
        role = None if role_of is None else role_of(token or request.headers.get("apikey", ""))
        if role is None:
            raise BadToken("Unauthorized", "Unauthorized")
        return {"role": role}

    return claims_of


def _limited(realtime: Realtime, messages: int = 0) -> web.Response | None:
    """A refusal, if the rate is used up or would be by so many messages."""
    mean, most = realtime.events.mean, realtime.limits.events_per_second
    if mean > most:
        words = "You have exceeded your rate limit"
    elif messages and messages + mean > most:
        words = "Too many messages to broadcast, please reduce the batch size"
    else:
        return None
    realtime.hits["limits"] += 1
    return web.json_response({"message": words}, status=429, dumps=dumps, headers=_rates(realtime))


def _rates(realtime: Realtime) -> dict[str, str]:
    # They count this route's requests and not its messages, and stay 0.
    most = f"{realtime.limits.events_per_second:.0f}"
    return {"x-rate-rolling": "0", "x-rate-limit": most, "x-rate-limit-remaining": most}


def _accepted(realtime: Realtime) -> web.Response:
    return web.Response(status=202, headers=_rates(realtime))


def _unauthorized() -> web.Response:
    return web.json_response({"message": "Unauthorized"}, status=401, dumps=dumps)


def _unprocessable(errors: dict[str, Any]) -> web.Response:
    return web.json_response({"errors": errors}, status=422, dumps=dumps)


def _all_problems(realtime: Realtime, messages: Any) -> list[Any]:
    """The problems of each message, or one of all together; empty if there is none."""
    if not messages or not isinstance(messages, list):
        return ["is invalid" if messages else _BLANK]
    found = [_problems(realtime, message) for message in messages]
    return found if any(found) else []


def _problems(realtime: Realtime, message: Any) -> dict[str, list[str]]:
    if not isinstance(message, dict):
        return {"message": ["is invalid"]}
    found: dict[str, list[str]] = {}
    for name, kind in (("event", str), ("payload", dict), ("topic", str)):
        value = message.get(name)
        if value is None or value == "":
            found[name] = [_BLANK]
        elif not isinstance(value, kind):
            found[name] = ["is invalid"]
    if not found and len(dumps(message["payload"]).encode()) > realtime.limits.payload + PADDING:
        found["payload"] = ["Payload size exceeds tenant limit"]
    return found


async def _broadcast(realtime: Realtime, sent: Frame, *, private: bool) -> None:
    realtime.events.add()
    group = realtime.groups.find((sent.topic, private))
    if group is not None:
        await group.broadcast(Frame(group.topic, sent.event, sent.payload, binary=sent.binary, json=sent.json))


__all__ = ["batch", "claims_from", "single"]
