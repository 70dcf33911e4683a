"""`/auth/v1`: Supabase's own Auth, plus what it lacks: ES256 tokens with all claims, JWKS, anonymous sign-in, times in
ISO form."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

import jwt
import msgspec
from aiohttp import web

from .database import execute, one
from .middleware import bearer, upstream_headers
from .parts import PARTS, Parts, json_error
from .rest import forward

_TIME = re.compile(r'"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00"')


async def jwks(request: web.Request) -> web.Response:
    """The keys that verify users' tokens."""
    if (instead := request.app[PARTS].jwks_answer) is not None:
        return web.Response(text=instead)
    keys = [key.public for key in request.app[PARTS].keys.signing]
    return web.json_response({"keys": keys}, headers={"Cache-Control": "public, max-age=600"})


async def signup(request: web.Request) -> web.StreamResponse:
    """Sign up, with an address and a password or anonymously."""
    body = await _json(request)
    if body.get("email") or body.get("phone"):
        return normalized(request.app[PARTS], await forward(request, upstream_headers(request)))
    # Auth behind the gateway has no users without an address: make one up and remove it again.
    parts = request.app[PARTS]
    made_up = {"email": f"{secrets.token_hex(12)}@anonymous.invalid", "password": secrets.token_urlsafe(24)}
    async with parts.http.post(
        parts.lite.url + "/auth/v1/signup",
        json=made_up | {"data": body.get("data") or {}},
        headers={"apikey": parts.keys.publishable},
    ) as answer:
        session = await answer.json()
    user = session["user"]
    await execute(
        parts,
        "update auth.users set is_anonymous = true, email = null where id = %s",
        user["id"],
    )
    metadata = {key: value for key, value in user["user_metadata"].items() if key in (body.get("data") or {})}
    user |= {"email": "", "is_anonymous": True, "app_metadata": {}, "user_metadata": metadata, "identities": []}
    return normalized(parts, web.json_response(session))


async def token(request: web.Request) -> web.StreamResponse:
    """Sign in with a password, or refresh."""
    if not request.app[PARTS].signing_in:
        return json_error(422, code=422, error_code="email_provider_disabled", msg="Email logins are disabled")
    return normalized(request.app[PARTS], await forward(request, upstream_headers(request)))


async def user(request: web.Request) -> web.StreamResponse:
    """The user of a token, if its session exists."""
    parts = request.app[PARTS]
    given = bearer(request)
    if given is None:
        return json_error(
            401, code=401, error_code="no_authorization", msg="This endpoint requires a valid Bearer token"
        )
    try:
        claims = parts.keys.verify(given)
        headers = upstream_headers(request)
    except jwt.InvalidTokenError as error:
        return json_error(403, code=403, error_code="bad_jwt", msg=f"invalid JWT: {error}")
    if not await one(parts, "select exists (select from auth.sessions where id = %s)", claims.get("session_id")):
        gone = "Session from session_id claim in JWT does not exist"
        return json_error(403, code=403, error_code="session_not_found", msg=gone)
    return normalized(parts, await forward(request, headers))


async def logout(request: web.Request) -> web.StreamResponse:
    """End the session of the token (`scope=global`, the default: all of the user's)."""
    parts = request.app[PARTS]
    given = bearer(request)
    if given is None:
        return json_error(
            401, code=401, error_code="no_authorization", msg="This endpoint requires a valid Bearer token"
        )
    try:
        claims = parts.keys.verify(given)
    except jwt.InvalidTokenError as error:
        return json_error(403, code=403, error_code="bad_jwt", msg=f"invalid JWT: {error}")
    match request.query.get("scope", "global"):
        case "local":
            condition, value = "id = %s", claims.get("session_id")
        case "others":
            condition, value = "id <> %s and user_id = (select user_id from auth.sessions where id = %s)", None
        case _:
            condition, value = "user_id = %s", claims.get("sub")
    values = [claims.get("session_id")] * 2 if value is None else [value]
    await execute(
        parts,
        f"with gone as (select id from auth.sessions where {condition}), "  # noqa: S608  # one of three constants
        "tokens as (delete from auth.refresh_tokens where session_id in (select id from gone)) "
        "delete from auth.sessions where id in (select id from gone)",
        *values,
    )
    return web.Response(status=204)


async def other(request: web.Request) -> web.StreamResponse:
    """All other requests to Auth, forwarded."""
    try:
        headers = upstream_headers(request)
    except jwt.InvalidTokenError as error:
        return json_error(403, code=403, error_code="bad_jwt", msg=f"invalid JWT: {error}")
    return normalized(request.app[PARTS], await forward(request, headers))


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(await request.read() or b"{}")
    except msgspec.DecodeError:
        body = {}
    return body if isinstance(body, dict) else {}


def normalized(parts: Parts, answer: web.Response) -> web.Response:
    """The answer with times in ISO form, and with an access token as Supabase's Auth signs it."""
    body = answer.body
    if not isinstance(body, bytes) or not body.startswith(b"{"):
        return answer
    found: dict[str, Any] = msgspec.json.decode(_TIME.sub(r'"\1T\2Z"', body.decode()))
    if isinstance(found.get("access_token"), str):
        inner = jwt.decode(found["access_token"], options={"verify_signature": False})
        found["access_token"] = parts.keys.sign(_claims(parts, inner, found["user"]))
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return web.Response(status=answer.status, body=msgspec.json.encode(found), headers=headers)


def _claims(parts: Parts, inner: dict[str, Any], user_: dict[str, Any]) -> dict[str, Any]:
    """The claims that Supabase's Auth writes (AccessTokenClaims)."""
    method = "anonymous" if user_.get("is_anonymous") else "password"
    return {
        "iss": parts.url + "/auth/v1",
        "sub": inner["sub"],
        "aud": "authenticated",
        "exp": inner["exp"],
        "iat": inner["iat"],
        "email": user_.get("email") or "",
        "phone": user_.get("phone") or "",
        "app_metadata": user_.get("app_metadata") or {},
        "user_metadata": user_.get("user_metadata") or {},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": method, "timestamp": int(time.time())}],
        "session_id": inner["session_id"],
        "is_anonymous": bool(user_.get("is_anonymous")),
    }


__all__ = ["jwks", "logout", "normalized", "other", "signup", "token", "user"]
