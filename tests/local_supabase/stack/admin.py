"""`/auth/v1/admin`: what Auth lets the secret key do with users, which the Auth behind the gateway lacks."""

from __future__ import annotations

from uuid import UUID

import msgspec
from aiohttp import web

from .auth import normalized
from .database import execute, one
from .keys import SERVICE
from .middleware import ROLE
from .parts import PARTS, json_error


class _New(msgspec.Struct):
    email: str
    password: str
    email_confirm: bool = False
    user_metadata: dict[str, object] = {}


async def create(request: web.Request) -> web.Response:
    """`POST /admin/users`: a user, without a session."""
    parts = request.app[PARTS]
    if (answer := _refused_unless_admin(request)) is not None:
        return answer
    try:
        new = msgspec.json.decode(await request.read(), type=_New)
    except msgspec.MsgspecError as error:
        return json_error(400, code=400, error_code="validation_failed", msg=str(error))
    async with parts.http.post(
        parts.lite.url + "/auth/v1/signup",
        json={"email": new.email, "password": new.password, "data": new.user_metadata},
        headers={"apikey": parts.keys.publishable},
    ) as made:
        session = await made.json()
    if "user" not in session:
        return web.json_response(session, status=made.status)
    user = session["user"]
    await execute(parts, "delete from auth.sessions where user_id = %s", user["id"])
    return normalized(parts, web.json_response(user))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /admin/users/ID`: delete the user and its sessions."""
    if (answer := _refused_unless_admin(request)) is not None:
        return answer
    parts, subject = request.app[PARTS], request.match_info["id"]
    try:
        UUID(subject)
    except ValueError:
        return json_error(404, code=404, error_code="validation_failed", msg="user_id must be an UUID")
    if not await one(parts, "select exists (select from auth.users where id = %s)", subject):
        return json_error(404, code=404, error_code="user_not_found", msg="User not found")
    await execute(parts, "delete from auth.users where id = %s", subject)
    return web.json_response({})


def _refused_unless_admin(request: web.Request) -> web.Response | None:
    """The refusal, unless both `apikey` and `Authorization` carry the secret key."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return json_error(
            401, code=401, error_code="no_authorization", msg="This endpoint requires a valid Bearer token"
        )
    if request[ROLE] != SERVICE or request.app[PARTS].keys.role_of(token.strip()) != SERVICE:
        return json_error(403, code=403, error_code="not_admin", msg="User not allowed")
    return None


__all__ = ["create", "delete"]
