"""`/_control`: commands for tests, which hosted projects do not have."""

from __future__ import annotations

import msgspec
from aiohttp import web

from .parts import PARTS, Fault


async def rotate(request: web.Request) -> web.Response:
    """Sign users' tokens with a new key; `?drop=1` forgets the old ones."""
    request.app[PARTS].keys.rotate(drop=request.query.get("drop") == "1")
    return web.Response(status=204)


async def jwks_fault(request: web.Request) -> web.Response:
    """Answer requests for the public keys with a text (JSON: `body`) from now on; an empty body ends that."""
    body = await request.read()
    request.app[PARTS].jwks_answer = msgspec.json.decode(body, type=dict[str, str])["body"] if body else None
    return web.Response(status=204)


async def signing_in(request: web.Request) -> web.Response:
    """`{"on": false}`: refuse sign-ins with a password, as where the provider is switched off."""
    request.app[PARTS].signing_in = msgspec.json.decode(await request.read(), type=dict[str, bool])["on"]
    return web.Response(status=204)


async def accept_any_token(request: web.Request) -> web.Response:
    """`{"on": true}`: accept any token, as behind a proxy that does not verify them."""
    request.app[PARTS].keys.accept_any_token = msgspec.json.decode(await request.read(), type=dict[str, bool])["on"]
    return web.Response(status=204)


async def kill_postgres(request: web.Request) -> web.Response:
    """Kill PostgreSQL with SIGKILL, like a crash."""
    await request.app[PARTS].postgres.kill()
    return web.Response(status=204)


async def start_postgres(request: web.Request) -> web.Response:
    """Start PostgreSQL again, and restart REST and Auth, whose pool does not survive a crash."""
    await request.app[PARTS].postgres.start()
    return await restart_rest(request)


async def restart_rest(request: web.Request) -> web.Response:
    """Restart REST and Auth: unlike PostgREST they do not listen for `notify pgrst, 'reload schema'`."""
    lite = request.app[PARTS].lite
    await lite.stop()
    await lite.start()
    return web.Response(status=204)


async def rest_fault(request: web.Request) -> web.Response:
    """Inject a fault (a `Fault` in JSON) into the next calls of REST; an empty body ends it."""
    body = await request.read()
    request.app[PARTS].fault = msgspec.json.decode(body, type=Fault) if body else None
    return web.Response(status=204)


__all__ = [
    "accept_any_token",
    "jwks_fault",
    "kill_postgres",
    "rest_fault",
    "restart_rest",
    "rotate",
    "signing_in",
    "start_postgres",
]
