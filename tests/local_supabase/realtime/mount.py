"""Realtime's routes on the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from aiohttp import web

from .control import add_control
from .limits import Limits
from .rest import batch, claims_from, single
from .server import Realtime
from .tokens import Verify


def add_realtime(
    app: web.Application,
    *,
    url: str,
    verify: Verify,
    role_of: Callable[[str], str | None],
    prefix: str = "/realtime/v1",
    limits: Limits | None = None,
) -> Realtime:
    """Serve Realtime under `prefix`, as behind the gateway, and under the paths of the server itself; it ends with the
    application. `url` is the database's, as the superuser."""
    realtime = Realtime(url, verify, role_of, limits)
    claims_of = claims_from(realtime, role_of)
    app.router.add_get(f"{prefix}/websocket", realtime.websocket)
    app.router.add_post(f"{prefix}/api/broadcast", batch(realtime, claims_of))
    app.router.add_post(f"{prefix}/api/broadcast/{{topic}}/events/{{event}}", single(realtime, claims_of))
    itself = claims_from(realtime, None)
    app.router.add_get("/socket/websocket", realtime.direct)
    app.router.add_post("/api/broadcast", batch(realtime, itself))
    app.router.add_post("/api/broadcast/{topic}/events/{event}", single(realtime, itself))
    add_control(app, realtime)

    async def lifespan(_: web.Application) -> AsyncIterator[None]:
        yield
        await realtime.close()

    app.cleanup_ctx.append(lifespan)
    return realtime


__all__ = ["add_realtime"]
