"""The gateway's middleware: cross-origin rules and the API key; and the headers for the servers behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import jwt
from aiohttp import web

from .keys import SERVICE
from .parts import PARTS, json_error

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, apikey, content-type, prefer, x-client-info, accept-profile, "
    "content-profile, range, x-supabase-api-version, x-retry-count",
    "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE, HEAD, OPTIONS",
    "Access-Control-Expose-Headers": "content-range, content-profile, x-supabase-api-version",
}
_WITHOUT_KEY = ("/_control/", "/socket/", "/api/")

ROLE = web.RequestKey("role", str)
"""The role of the request's API key."""


@web.middleware
async def cross_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Allow browsers to call from any origin."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=CROSS_ORIGIN)
    answer = await handler(request)
    if not answer.prepared:
        answer.headers.update(CROSS_ORIGIN)
    return answer


@web.middleware
async def api_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 401 without a key of the project, like a hosted one: in the header `apikey`, or for sockets in the query.
    The JWKS needs none. A secret key is refused from browsers. Realtime's own paths bypass the gateway's rules."""
    if request.path.startswith(_WITHOUT_KEY) or request.path == "/auth/v1/.well-known/jwks.json":
        return await handler(request)
    key = request.headers.get("apikey") or request.query.get("apikey")
    if not key:
        return json_error(
            401, message="No API key found in request", hint="No `apikey` request header or url param was found."
        )
    role = request.app[PARTS].keys.role_of(key)
    if role is None:
        return json_error(
            401, message="Invalid API key", hint="Double check your Supabase `anon` or `service_role` API key."
        )
    if role == SERVICE and key.startswith("sb_secret_") and "mozilla" in request.headers.get("User-Agent", "").lower():
        return json_error(401, message="Forbidden use of secret API key in browser")
    request[ROLE] = role
    return await handler(request)


def bearer(request: web.Request) -> str | None:
    """The user's token; None where there is none or it repeats the API key."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or token.startswith("sb_") or token == request.headers.get("apikey"):
        return None
    return token


def upstream_headers(request: web.Request) -> dict[str, str]:
    """The headers for the servers behind the gateway: the opaque key of the role, and the user's token signed in their
    algorithm. Raises jwt.InvalidTokenError."""
    parts = request.app[PARTS]
    passed = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in {"host", "apikey", "authorization", "content-length", "connection", "accept-encoding"}
    }
    passed["apikey"] = parts.keys.secret if request.get(ROLE) == SERVICE else parts.keys.publishable
    if token := bearer(request):
        claims = parts.keys.verify(token)
        if claims["role"] == SERVICE:
            passed["apikey"] = parts.keys.secret
        elif "sub" in claims:
            passed["Authorization"] = f"Bearer {parts.keys.sign_for_upstream(claims)}"
    return passed


def invalid_token_response(error: jwt.InvalidTokenError) -> web.Response:
    """PostgREST's answer to an invalid token."""
    if isinstance(error, jwt.ExpiredSignatureError):
        return json_error(401, code="PGRST303", message="JWT expired", details=None, hint=None)
    return json_error(401, code="PGRST301", message="JWT cryptographic operation failed", details=None, hint=None)


__all__ = ["ROLE", "api_key", "bearer", "cross_origin", "invalid_token_response", "upstream_headers"]
