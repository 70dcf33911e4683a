"""Whole services with subscriptions on one store, and receivers on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot

from core.tests.outbound.receiver import Answer, Receiver, receiving
from tests.stores import store_variables

Json = dict[str, Any]

KEYS: list[Json] = [
    {"name": "n8n", "key": "n8n-key-for-tests-only-0001"},
    {"name": "worker", "key": "worker-key-for-tests-only-1", "rights": ["subscribe"]},
    {"name": "plain", "key": "plain-key-for-tests-only-01", "rights": ["read", "send", "inbox", "tokens"]},
]

WITHIN = 30.0
"""Seconds that a busy machine may take for what takes milliseconds."""

SETTINGS = {
    "CORE__KEYS": json.dumps(KEYS),
    "CORE__OUTBOUND__ALLOW": '["127.0.0.0/8"]',
    "SUBSCRIPTIONS__REFRESH": "0.2",
}


class Caller:
    """A client of one instance."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ask(self, method: str, path: str, body: Any = None, **given: Any) -> httpx.Response:
        """Any answer is fine."""
        return await self.client.request(method, path, json=body, timeout=90, **given)

    async def ok(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Json:
        """The JSON of an answer of this status."""
        answer = await self.ask(method, path, body)
        assert answer.status_code == status, answer.text
        found: Json = answer.json() if answer.content else {}
        return found

    async def refused(self, method: str, path: str, body: Any = None, *, status: int) -> str:
        """The code of an answer of this status."""
        return str((await self.ok(method, path, body, status=status))["code"])

    async def say(self, conversation: str, content: str, **body: Any) -> int:
        """Send a message; its seq."""
        path = f"/v1/conversations/{conversation}/messages"
        return int((await self.ok("POST", path, {"content": content, **body}, status=201))["entry"]["seq"])

    async def subscribe(self, name: str, receiver: Receiver | None = None, **body: Any) -> Json:
        """Make a subscription."""
        if receiver is not None:
            body["push"] = {"url": f"http://127.0.0.1:{receiver.port}/{name}"}
        return await self.ok("POST", "/v1/subscriptions", {"name": name, **body}, status=201)

    async def claim(self, name: str, **body: Any) -> list[Json]:
        """The claims."""
        found: list[Json] = (await self.ok("POST", f"/v1/subscriptions/{name}/claim", {"wait": 20, **body}))["claims"]
        return found

    async def ack(self, name: str, *claims: Json) -> None:
        """Acknowledge claims."""
        body = {"claim_ids": [claim["claim_id"] for claim in claims]}
        await self.ok("POST", f"/v1/subscriptions/{name}/ack", body, status=204)

    async def show(self, name: str) -> Json:
        """The subscription as it is now."""
        return await self.ok("GET", f"/v1/subscriptions/{name}")


Start = Callable[..., Awaitable[Caller]]
Receive = Callable[..., Awaitable[Receiver]]


@pytest.fixture
async def entered() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start(tmp_path: Path, entered: AsyncExitStack) -> Start:
    """Starts services on one store, with settings as environment variables without their prefix."""

    async def started(**environ: str) -> Caller:
        given = store_variables(tmp_path / "chat.sqlite3") | SETTINGS | environ
        variables = {f"UMBRAL_CHAT_{name}": value for name, value in given.items()} | {"UMBRAL_CHAT_CONFIG": ""}
        app = create_app(*boot(None, variables))
        await entered.enter_async_context(app.lifespan())
        return await caller(app, entered, "n8n")

    return started


@pytest.fixture
async def service(start: Start) -> Caller:
    """A service, called by the key that may all."""
    return await start()


@pytest.fixture
def receive(entered: AsyncExitStack) -> Receive:
    """Opens receivers."""

    async def opened(*answers: Answer) -> Receiver:
        return await entered.enter_async_context(receiving(*answers))

    return opened


async def caller(app: Any, stack: AsyncExitStack, key: str | None) -> Caller:
    """A client with the key of this name."""
    headers = {} if key is None else {"Authorization": f"Bearer {next(k['key'] for k in KEYS if k['name'] == key)}"}
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", app)), base_url="http://127.0.0.1", headers=headers
    )
    return Caller(await stack.enter_async_context(client))


async def until(wanted: Callable[[], Awaitable[bool] | bool], what: str) -> None:
    """Wait until it is so."""
    try:
        async with asyncio.timeout(WITHIN):
            while not await _is(wanted):  # noqa: ASYNC110 - other tasks and instances set no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {WITHIN:g} s: {what}") from None


async def _is(wanted: Callable[[], Awaitable[bool] | bool]) -> bool:
    found = wanted()
    return found if isinstance(found, bool) else await found


def events(receiver: Receiver) -> list[Json]:
    """What a receiver was sent."""
    return [json.loads(body) for _, _, body in receiver.requests]
