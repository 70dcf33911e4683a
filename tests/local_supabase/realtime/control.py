"""Commands over HTTP, mostly for faults: `/_control/realtime/…`, listed in README.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any

import msgspec
from aiohttp import web

from .channel import Channel
from .faults import Faults
from .frames import Frame
from .limits import Limits
from .server import Realtime
from .socket import Socket

Body = dict[str, Any]


class Controls:
    """The handlers, each named like its route."""

    def __init__(self, realtime: Realtime) -> None:
        self._realtime = realtime

    async def faults(self, body: Body) -> None:
        """Set fields of `Faults`."""
        _set(self._realtime.faults, body)

    async def limits(self, body: Body) -> None:
        """Set fields of `Limits`; rates are counted from zero."""
        _set(self._realtime.limits, body)
        self._realtime.reset_rates()

    async def drop(self, body: Body) -> None:
        """Abort the TCP connections of all sockets, or of those that joined `topic`."""
        for socket in _selected_sockets(self._realtime, body):
            self._realtime.hits["drop"] += 1
            socket.drop()

    async def close(self, body: Body) -> None:
        """Close such sockets with `code`."""
        for socket in _selected_sockets(self._realtime, body):
            self._realtime.hits["close"] += 1
            await socket.close(int(body.get("code", 1012)))

    async def half_open(self, body: Body) -> None:
        """Stop reading from and writing to such sockets, without closing TCP."""
        for socket in _selected_sockets(self._realtime, body):
            socket.freeze()

    async def expire(self, body: Body) -> None:
        """Expire the tokens of all channels, or of those on `topic`."""
        for channel in _selected_channels(self._realtime, body):
            self._realtime.hits["expire"] += 1
            await channel.expire()

    async def crash(self, body: Body) -> None:
        """Crash the processes of such channels: `phx_error`."""
        for channel in _selected_channels(self._realtime, body):
            self._realtime.hits["crash"] += 1
            await channel.socket.send(Frame(channel.name, "phx_error", {}, channel.join_ref, channel.join_ref))
            await channel.detach()

    async def replication(self, body: Body) -> None:
        """`on` false: drop the slot; what is inserted meanwhile is never delivered live."""
        if body.get("on", True):
            await self._realtime.replication.resume()
        else:
            await self._realtime.replication.pause()

    async def fresh(self, _: Body) -> None:
        """Return to a project in which no client ever joined: no publication and no partition."""
        await self._realtime.fresh()

    async def restart(self, body: Body) -> None:
        """Be down for `seconds`."""
        await self._realtime.restart(float(body.get("seconds", 0)))

    async def reset(self, _: Body) -> None:
        """Remove all faults, and disconnect all clients."""
        self._realtime.reset()


NAMES = (
    "faults",
    "limits",
    "drop",
    "close",
    "half_open",
    "expire",
    "crash",
    "replication",
    "fresh",
    "restart",
    "reset",
)


def add_control(app: web.Application, realtime: Realtime) -> None:
    """Add the routes: a POST for each command, and a GET for the state."""
    controls = Controls(realtime)

    def route(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            await getattr(controls, name)(dict(await request.json()) if request.can_read_body else {})
            return web.Response(status=204)

        return handle

    async def state(_: web.Request) -> web.Response:
        return web.json_response(realtime.state())

    for name in NAMES:
        app.router.add_post(f"/_control/realtime/{name}", route(name))
    app.router.add_get("/_control/realtime/state", state)


def _set(target: Faults | Limits, given: Body) -> None:
    unknown = given.keys() - {field.name for field in fields(target)}
    if unknown:
        raise web.HTTPBadRequest(text=f"unknown: {', '.join(sorted(unknown))}")
    try:
        checked = msgspec.convert(asdict(target) | given, type(target))
    except msgspec.ValidationError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    for name in given:
        setattr(target, name, getattr(checked, name))


def _selected_sockets(realtime: Realtime, body: Body) -> list[Socket]:
    topic = body.get("topic")
    return [each for each in realtime.sockets if topic is None or f"realtime:{topic}" in each.channels]


def _selected_channels(realtime: Realtime, body: Body) -> list[Channel]:
    topic = body.get("topic")
    return [
        channel for group in realtime.groups.all() if topic in {None, group.key[0]} for channel in list(group.channels)
    ]


__all__ = ["NAMES", "add_control"]
