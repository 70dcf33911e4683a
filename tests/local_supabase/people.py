"""Users of the local Supabase, who sign up and in like a front end's, and commands to the stack."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.local_supabase.stack.api import Stack

PASSWORD = "correct-horse-battery"

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without certificates, which a client of plain HTTP does not need, and reading which takes 30 ms of a processor."""


@dataclass(frozen=True)
class User:
    """A signed-in user."""

    id: str
    email: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def bearer(self) -> dict[str, str]:
        """The Authorization header with the access token."""
        return {"Authorization": f"Bearer {self.access_token}"}


async def sign_up(stack: Stack, email: str = "a@example.com", **data: Any) -> User:
    """Sign up a new user."""
    return await _session(stack, "signup", {"email": email, "password": PASSWORD, "data": data})


async def sign_in_anonymously(stack: Stack) -> User:
    """Sign up a new anonymous user."""
    return await _session(stack, "signup", {"data": {}})


async def sign_in(stack: Stack, email: str) -> User:
    """Start another session of a user."""
    return await _session(stack, "token?grant_type=password", {"email": email, "password": PASSWORD})


async def refresh(stack: Stack, user: User) -> User:
    """Refresh the session: the same one with a new token."""
    return await _session(stack, "token?grant_type=refresh_token", {"refresh_token": user.refresh_token})


async def sign_out(stack: Stack, user: User) -> None:
    """End every session of the user."""
    async with _client(stack) as client:
        answer = await client.post("/auth/v1/logout", headers=user.bearer)
    assert answer.status_code == 204, answer.text


async def command(stack: Stack, what: str, **body: Any) -> None:
    """Send the stack a command: `what` is a path below `/_control/`."""
    async with httpx.AsyncClient(base_url=stack.url, timeout=60, verify=_NO_TLS) as client:
        answer = await client.post(f"/_control/{what}", json=body or None)
    assert answer.status_code == 204, answer.text


async def _session(stack: Stack, path: str, body: dict[str, Any]) -> User:
    async with _client(stack) as client:
        answer = await client.post(f"/auth/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return User(found["user"]["id"], found["user"]["email"], found["access_token"], found["refresh_token"])


def _client(stack: Stack) -> httpx.AsyncClient:
    headers = {"apikey": stack.publishable_key}
    return httpx.AsyncClient(base_url=stack.url, headers=headers, timeout=30, verify=_NO_TLS)


__all__ = ["PASSWORD", "User", "command", "refresh", "sign_in", "sign_in_anonymously", "sign_out", "sign_up"]
