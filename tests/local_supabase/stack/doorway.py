"""What every request passes first: cross-origin rules and the API key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import jwt
from aiohttp import web

from .keys import SERVICE
from .parts import PARTS, refused

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, apikey, content-type, prefer, x-client-info, accept-profile, "
    "content-profile, range, x-supabase-api-version, x-retry-count",
    "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE, HEAD, OPTIONS",
    "Access-Control-Expose-Headers": "content-range, content-profile, x-supabase-api-version",
}
_PAST = ("/_control/", "/socket/", "/api/")

ROLE = web.RequestKey("role", str)
"""The role that the request's API key stands for."""


@web.middleware
async def cross_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Browsers may call from anywhere."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=CROSS_ORIGIN)
    answer = await handler(request)
    if not answer.prepared:
        answer.headers.update(CROSS_ORIGIN)
    return answer


@web.middleware
async def api_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    """401 without a key of the project's, as hosted: in the header `apikey`, or for sockets in the query. The JWKS
    needs none. A secret key is refused to browsers. Realtime's own paths are asked as if there were no gateway."""
    if request.path.startswith(_PAST) or request.path == "/auth/v1/.well-known/jwks.json":
        return await handler(request)
    key = request.headers.get("apikey") or request.query.get("apikey")
    if not key:
        return refused(
            401, message="No API key found in request", hint="No `apikey` request header or url param was found."
        )
    role = request.app[PARTS].keys.role_of(key)
    if role is None:
        return refused(
            401, message="Invalid API key", hint="Double check your Supabase `anon` or `service_role` API key."
        )
    if role == SERVICE and key.startswith("sb_secret_") and "mozilla" in request.headers.get("User-Agent", "").lower():
        return refused(401, message="Forbidden use of secret API key in browser")
    request[ROLE] = role
    return await handler(request)


def bearer(request: web.Request) -> str | None:
    """The user's token; None where there is none or it repeats the API key."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or token.startswith("sb_") or token == request.headers.get("apikey"):
        return None
    return token


def inner_headers(request: web.Request) -> dict[str, str]:
    """The headers for the servers behind: the opaque key of the role, and the user's token in their algorithm. Raises
    jwt.InvalidTokenError."""
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
            passed["Authorization"] = f"Bearer {parts.keys.sign_inside(claims)}"
    return passed


def bad_token(error: jwt.InvalidTokenError) -> web.Response:
    """PostgREST's answer to a token that does not hold."""
    if isinstance(error, jwt.ExpiredSignatureError):
        return refused(401, code="PGRST303", message="JWT expired", details=None, hint=None)
    return refused(401, code="PGRST301", message="JWT cryptographic operation failed", details=None, hint=None)


__all__ = ["ROLE", "api_key", "bad_token", "bearer", "cross_origin", "inner_headers"]
