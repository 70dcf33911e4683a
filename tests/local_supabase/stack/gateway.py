"""The gateway: one origin for REST, Auth and Realtime, like a project's URL."""

from __future__ import annotations

from aiohttp import web

from tests.local_supabase.realtime.limits import Limits
from tests.local_supabase.realtime.mount import add_realtime

from . import admin, auth, control
from .middleware import api_key, cross_origin
from .parts import PARTS, Parts
from .rest import rest


def gateway(parts: Parts, limits: Limits | None = None) -> web.Application:
    """The application. `limits`: those of Realtime, restored when it is reset."""
    app = web.Application(middlewares=[cross_origin, api_key], client_max_size=20_000_000)
    app[PARTS] = parts
    app.router.add_get("/auth/v1/.well-known/jwks.json", auth.jwks)
    app.router.add_post("/auth/v1/signup", auth.signup)
    app.router.add_post("/auth/v1/token", auth.token)
    app.router.add_get("/auth/v1/user", auth.user)
    app.router.add_post("/auth/v1/logout", auth.logout)
    app.router.add_post("/auth/v1/admin/users", admin.create)
    app.router.add_delete("/auth/v1/admin/users/{id}", admin.delete)
    app.router.add_route("*", "/auth/v1/{rest:.*}", auth.other)
    app.router.add_route("*", "/rest/v1/{rest:.*}", rest)
    keys = parts.keys
    add_realtime(app, url=parts.postgres.url(), verify=keys.verify, role_of=keys.role_of, limits=limits)
    app.router.add_post("/_control/jwks/rotate", control.rotate)
    app.router.add_post("/_control/jwks/fault", control.jwks_fault)
    app.router.add_post("/_control/auth/signing_in", control.signing_in)
    app.router.add_post("/_control/auth/accept_any_token", control.accept_any_token)
    app.router.add_post("/_control/postgres/kill", control.kill_postgres)
    app.router.add_post("/_control/postgres/start", control.start_postgres)
    app.router.add_post("/_control/rest/restart", control.restart_rest)
    app.router.add_post("/_control/rest/fault", control.rest_fault)
    return app


__all__ = ["gateway"]
