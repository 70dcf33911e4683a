"""`/_control`: what tests command. Hosted projects have nothing of it."""

from __future__ import annotations

import msgspec
from aiohttp import web

from .parts import PARTS, Fault


async def rotate(request: web.Request) -> web.Response:
    """Sign users' tokens with a new key; `?drop=1` forgets the old ones."""
    request.app[PARTS].keys.rotate(drop=request.query.get("drop") == "1")
    return web.Response(status=204)


async def jwks_fault(request: web.Request) -> web.Response:
    """From now on the public keys are answered with this text (JSON: `body`); an empty body ends it."""
    body = await request.read()
    request.app[PARTS].jwks_answer = msgspec.json.decode(body, type=dict[str, str])["body"] if body else None
    return web.Response(status=204)


async def signing_in(request: web.Request) -> web.Response:
    """`{"on": false}`: nobody can sign in with a password, as where the provider is switched off."""
    request.app[PARTS].signing_in = msgspec.json.decode(await request.read(), type=dict[str, bool])["on"]
    return web.Response(status=204)


async def gullible(request: web.Request) -> web.Response:
    """`{"on": true}`: any token is believed, as where a proxy of one's own does not verify them."""
    request.app[PARTS].keys.gullible = msgspec.json.decode(await request.read(), type=dict[str, bool])["on"]
    return web.Response(status=204)


async def kill_postgres(request: web.Request) -> web.Response:
    """SIGKILL, as a crash."""
    await request.app[PARTS].postgres.kill()
    return web.Response(status=204)


async def start_postgres(request: web.Request) -> web.Response:
    """Start it again, and REST and Auth with it: their pool does not outlive a crash."""
    await request.app[PARTS].postgres.start()
    return await restart_rest(request)


async def restart_rest(request: web.Request) -> web.Response:
    """REST and Auth anew: unlike PostgREST they do not listen for `notify pgrst, 'reload schema'`."""
    lite = request.app[PARTS].lite
    await lite.stop()
    await lite.start()
    return web.Response(status=204)


async def rest_fault(request: web.Request) -> web.Response:
    """The next calls of REST meet this (a `Fault` in JSON; an empty body ends it)."""
    body = await request.read()
    request.app[PARTS].fault = msgspec.json.decode(body, type=Fault) if body else None
    return web.Response(status=204)


__all__ = [
    "gullible",
    "jwks_fault",
    "kill_postgres",
    "rest_fault",
    "restart_rest",
    "rotate",
    "signing_in",
    "start_postgres",
]
