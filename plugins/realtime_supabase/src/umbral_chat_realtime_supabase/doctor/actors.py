"""Whom the access checks act as: temporary users of the project, made by Auth's admin API, and forged tokens."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import jwt
import msgspec

from umbral_chat_realtime_supabase.doctor.project import Project

_DELETE_ATTEMPTS = 3


class Actor(NamedTuple):
    """Who makes attempts: the check that reports them, and a token, None for the publishable key alone."""

    name: str
    token: str | None


class UsersUnavailable(Exception):
    """No temporary user could be made; the text says why."""


class TemporaryUser(msgspec.Struct, frozen=True):
    """A signed-in user. Its repr leaves the token out."""

    id: str
    token: str

    def __repr__(self) -> str:
        return f"TemporaryUser({self.id!r})"


@asynccontextmanager
async def temporary_users(project: Project, http: httpx.AsyncClient, count: int) -> AsyncIterator[list[TemporaryUser]]:
    """`count` users, each with a session; all are deleted at the end, and one that cannot be is added to
    `project.left_behind`. Raises UsersUnavailable."""
    made: list[str] = []
    try:
        users = []
        for _ in range(count):
            try:
                users.append(await _with_password(project, http, made))
            except UsersUnavailable as why:
                users.append(await _anonymous(project, http, made, str(why)))
        yield users
    finally:
        for subject in made:
            if not await _delete(project, http, subject):
                project.left_behind.append(f"user {subject}")


async def _with_password(project: Project, http: httpx.AsyncClient, made: list[str]) -> TemporaryUser:
    # No address of `.invalid` exists, and a confirmed address is sent no mail.
    given = {"email": f"umbral-chat-doctor-{secrets.token_hex(12)}@example.invalid", "password": _password()}
    new = _post(http, "/auth/v1/admin/users", project.admin_headers(), given | {"email_confirm": True})
    subject = _text(await _recorded(new, made), "id")
    session = await _post(http, "/auth/v1/token?grant_type=password", project.browser_headers(), given)
    return TemporaryUser(subject, _text(session, "access_token"))


async def _anonymous(project: Project, http: httpx.AsyncClient, made: list[str], why: str) -> TemporaryUser:
    try:
        session = await _recorded(_post(http, "/auth/v1/signup", project.browser_headers(), {"data": {}}), made)
    except UsersUnavailable as error:
        raise UsersUnavailable(f"no temporary user could be made: {why}; anonymously: {error}") from None
    return TemporaryUser(_text(session["user"], "id"), _text(session, "access_token"))


async def _recorded(making: Coroutine[Any, Any, dict[str, Any]], made: list[str]) -> dict[str, Any]:
    """The answer of `making`, with the new user's id added to `made`, also when this is cancelled meanwhile."""
    task = asyncio.create_task(making)
    try:
        await asyncio.shield(task)
    finally:
        answer = await task
        user = answer.get("user", answer)
        made.append(_text(user if isinstance(user, dict) else {}, "id"))
    return answer


async def _delete(project: Project, http: httpx.AsyncClient, subject: str) -> bool:
    for attempt in range(_DELETE_ATTEMPTS):
        try:
            answer = await http.delete(f"/auth/v1/admin/users/{subject}", headers=project.admin_headers())
        except httpx.HTTPError:
            pass
        else:
            if answer.status_code in {200, 204, 404}:
                return True
        await asyncio.sleep(0.2 * (attempt + 1))
    return False


async def _post(http: httpx.AsyncClient, path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = await http.post(path, headers=headers, json=body)
    except httpx.HTTPError as error:
        raise UsersUnavailable(f"Auth does not answer ({type(error).__name__})") from None
    try:
        parsed = answer.json()
    except (ValueError, RecursionError):
        parsed = {}
    parsed = parsed if isinstance(parsed, dict) else {}
    if answer.status_code not in {200, 201}:
        code = parsed.get("error_code") or parsed.get("error") or answer.status_code
        raise UsersUnavailable(f"Auth answers {str(code)[:60]}")
    return parsed


def _password() -> str:
    # Long, with every kind of character that a project may require.
    return f"{secrets.token_urlsafe(24)}aA1!"


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise UsersUnavailable(f"Auth answers without {name}")
    return value


def forged_tokens(issuer: str, subject: str, real: str | None) -> dict[str, str]:
    """Tokens that must not be accepted, by what is wrong with each; all claim the role of the service. `real` is a
    user's token whose role is changed."""
    now = int(time.time())
    claims = {
        "iss": issuer, "sub": subject, "aud": "authenticated", "role": "service_role", "iat": now, "exp": now + 3600
    }  # fmt: skip
    tokens = {
        "made-up secret": jwt.encode(claims, secrets.token_hex(32), "HS256"),
        "unsigned": f"{_jwt_part({'alg': 'none', 'typ': 'JWT'})}.{_jwt_part(claims)}.",
    }
    if real is not None:
        header, payload, signature = real.split(".")
        changed: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        tokens["changed role"] = f"{header}.{_jwt_part(changed | {'role': 'service_role'})}.{signature}"
    return tokens


def _jwt_part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


__all__ = ["Actor", "TemporaryUser", "UsersUnavailable", "forged_tokens", "temporary_users"]
