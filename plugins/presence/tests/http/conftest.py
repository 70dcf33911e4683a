"""Whole services with presence on one store, called over ASGI by each kind of principal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat_presence.replication import roster_reader

from tests.stores import store_variables

Json = dict[str, Any]

KEYS: list[Json] = [
    {"name": "n8n", "key": "n8n-key-for-tests-only-0001"},
    {"name": "plain", "key": "plain-key-for-tests-only-01", "rights": ["read", "send"]},
    {"name": "deaf", "key": "deaf-key-for-tests-only-001", "rights": ["send"]},
]

MUCH = 30.0
"""Seconds that a busy machine may take for what takes milliseconds."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit of `settled` is tested in `test_sharing.py`, with a manual clock."""
    monkeypatch.setattr(roster_reader, "SETTLE_TIMEOUT", MUCH)


@dataclass(frozen=True)
class Caller:
    """A client of one instance, in one conversation."""

    client: httpx.AsyncClient
    conversation: str = "room"

    async def ask(self, method: str, what: str, body: Any = None, **given: Any) -> httpx.Response:
        """Send a request; any response is fine."""
        path = f"/v1/conversations/{self.conversation}/{what}"
        return await self.client.request(method, path, json=body, timeout=90, **given)

    async def ok(self, method: str, what: str, body: Any = None, **given: Any) -> Json:
        """Send a request; its response must be 200."""
        answer = await self.ask(method, what, body, **given)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def here(self, **body: Any) -> Json:
        """A device is here."""
        return await self.ok("PUT", "presence", body)

    async def left(self, **query: str) -> bool:
        """A device leaves; whether it was here."""
        return bool((await self.ok("DELETE", "presence", params=query))["left"])

    async def who(self) -> Json:
        """Who is here."""
        return await self.ok("GET", "presence")

    async def types(self, **body: Any) -> Json:
        """Report typing."""
        return await self.ok("POST", "typing", body)

    async def say(self, content: str, **body: Any) -> str:
        """Send a message; its cursor."""
        answer = await self.ask("POST", "messages", {"content": content, **body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["cursor"])

    async def poll(self, **query: Any) -> Json:
        """A poll."""
        return await self.ok("GET", "events", params=query)

    async def until(self, wanted: Callable[[Json], bool], what: str, within: float = MUCH) -> Json:
        """What the presence is when it is `wanted`."""
        found: Json = {}
        try:
            async with asyncio.timeout(within):
                while not wanted(found := await self.who()):  # noqa: ASYNC110 - another process would tell no event
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{what} did not come; it is {found}") from None
        return found


@dataclass(frozen=True)
class Instance:
    """One running service."""

    app: Litestar
    stack: AsyncExitStack

    async def caller(self, credential: str | None, conversation: str = "room") -> Caller:
        """A client with this key or token."""
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(cast("Any", self.app)), base_url="http://127.0.0.1", headers=headers
        )
        return Caller(await self.stack.enter_async_context(client), conversation)

    async def key(self, name: str = "n8n", conversation: str = "room") -> Caller:
        """A service with this key."""
        return await self.caller(next(key["key"] for key in KEYS if key["name"] == name), conversation)

    async def visitor(
        self, subject: str = "visitor", name: str | None = "Ada", conversation: str = "room", **more: Any
    ) -> Caller:
        """A visitor with a token."""
        asked = {"conversation": conversation, "subject": subject, "name": name, **more}
        answer = await (await self.key()).client.post("/v1/tokens", json=asked)
        assert answer.status_code == 201, answer.text
        return await self.caller(answer.json()["token"], conversation)


Start = Callable[..., Awaitable[Instance]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts services on one store, with settings as environment variables without their prefix."""
    async with AsyncExitStack() as stack:

        async def started(**environ: str) -> Instance:
            given = store_variables(tmp_path / "chat.sqlite3") | {"CORE__KEYS": json.dumps(KEYS)} | environ
            variables = {f"UMBRAL_CHAT_{name}": value for name, value in given.items()} | {"UMBRAL_CHAT_CONFIG": ""}
            app = create_app(*boot(None, variables))
            await stack.enter_async_context(app.lifespan())
            return Instance(app, stack)

        yield started


@pytest.fixture
async def service(start: Start) -> Instance:
    """A service with the default settings but for a leave that shows at once."""
    return await start(PRESENCE__HOLD_BACK="0")


@pytest.fixture
async def n8n(service: Instance) -> Caller:
    """The service key that may all."""
    return await service.key()


@pytest.fixture
async def ada(service: Instance) -> Caller:
    """A visitor."""
    return await service.visitor()
