"""Users of the project for the length of a trial: made by Auth's admin API, and deleted whatever happens."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec

from umbral_chat_realtime_supabase.doctor.project import Project

_TRIES = 3


class NoVisitors(Exception):
    """None can be made; the words say why."""


class Visitor(msgspec.Struct, frozen=True):
    """Signed in. Its token is not shown."""

    id: str
    token: str

    def __repr__(self) -> str:
        return f"Visitor({self.id!r})"


@asynccontextmanager
async def visitors(project: Project, http: httpx.AsyncClient, many: int) -> AsyncIterator[list[Visitor]]:
    """That many users, each with a session. Raises NoVisitors. One that cannot be deleted is noted as left behind."""
    made: list[str] = []
    try:
        found = []
        for _ in range(many):
            try:
                found.append(await _with_password(project, http, made))
            except NoVisitors as why:
                found.append(await _anonymous(project, http, made, str(why)))
        yield found
    finally:
        for subject in made:
            if not await _deleted(project, http, subject):
                project.left_behind.append(f"user {subject}")


async def _with_password(project: Project, http: httpx.AsyncClient, made: list[str]) -> Visitor:
    # `.invalid` belongs to nobody, and a confirmed address is sent no mail.
    given = {"email": f"umbral-chat-doctor-{secrets.token_hex(12)}@example.invalid", "password": _password()}
    new = _asked(http, "/auth/v1/admin/users", admin(project), given | {"email_confirm": True})
    subject = _text(await _noted(new, made), "id")
    session = await _asked(http, "/auth/v1/token?grant_type=password", public(project), given)
    return Visitor(subject, _text(session, "access_token"))


async def _anonymous(project: Project, http: httpx.AsyncClient, made: list[str], why: str) -> Visitor:
    try:
        session = await _noted(_asked(http, "/auth/v1/signup", public(project), {"data": {}}), made)
    except NoVisitors as error:
        raise NoVisitors(f"no user could be made to try with: {why}; anonymously: {error}") from None
    return Visitor(_text(session["user"], "id"), _text(session, "access_token"))


async def _noted(making: Coroutine[Any, Any, dict[str, Any]], made: list[str]) -> dict[str, Any]:
    """What `making` answers, with the new user's id noted, also when we are cancelled while it is asked for."""
    task = asyncio.create_task(making)
    try:
        await asyncio.shield(task)
    finally:
        told = await task
        user = told.get("user", told)
        made.append(_text(user if isinstance(user, dict) else {}, "id"))
    return told


async def _deleted(project: Project, http: httpx.AsyncClient, subject: str) -> bool:
    for tried in range(_TRIES):
        try:
            answer = await http.delete(f"/auth/v1/admin/users/{subject}", headers=admin(project))
        except httpx.HTTPError:
            pass
        else:
            if answer.status_code in {200, 204, 404}:
                return True
        await asyncio.sleep(0.2 * (tried + 1))
    return False


async def _asked(http: httpx.AsyncClient, path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = await http.post(path, headers=headers, json=body)
    except httpx.HTTPError as error:
        raise NoVisitors(f"Auth does not answer ({type(error).__name__})") from None
    try:
        told = answer.json()
    except (ValueError, RecursionError):
        told = {}
    told = told if isinstance(told, dict) else {}
    if answer.status_code not in {200, 201}:
        code = told.get("error_code") or told.get("error") or answer.status_code
        raise NoVisitors(f"Auth answers {str(code)[:60]}")
    return told


def admin(project: Project) -> dict[str, str]:
    """Headers of the secret key."""
    key = project.key.reveal()
    return {"apikey": key, "Authorization": f"Bearer {key}"}


def public(project: Project, token: str | None = None) -> dict[str, str]:
    """Headers of a browser, with a user's token if there is one."""
    headers = {"apikey": project.settings.publishable_key or ""}
    return headers if token is None else headers | {"Authorization": f"Bearer {token}"}


def _password() -> str:
    # Long, and of each kind that a project may ask for.
    return f"{secrets.token_urlsafe(24)}aA1!"


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise NoVisitors(f"Auth answers without {name}")
    return value


__all__ = ["NoVisitors", "Visitor", "admin", "public", "visitors"]
