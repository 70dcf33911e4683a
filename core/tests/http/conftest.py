"""A whole app on a database of its own, asked over ASGI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins.boot import boot

from tests.stores import store_variables


class Client(httpx.AsyncClient):
    """Asks an app in the test's own loop: what is asked together is served together, which Litestar's test client does
    not do."""

    def __init__(self, app: Litestar) -> None:
        transport = httpx.ASGITransport(cast("Any", app))
        super().__init__(transport=transport, base_url="http://127.0.0.1", timeout=60)
        self.app = app


KEYS: list[dict[str, Any]] = [
    {"name": "n8n", "key": "n8n-key-for-tests-only-0001"},
    {"name": "reader", "key": "reader-key-for-tests-only-01", "rights": ["read"]},
    {"name": "bot", "key": "bot-key-for-tests-only-00001", "rights": ["read", "send"]},
]


@asynccontextmanager
async def service(folder: Path, **environ: str) -> AsyncIterator[Client]:
    """An app with these settings, entered."""
    settings, plugins = boot(
        environ={
            "UMBRAL_CHAT_CONFIG": "",
            **{
                f"UMBRAL_CHAT_{name.upper()}": value
                for name, value in (store_variables(folder / "chat.sqlite3") | environ).items()
            },
        }
    )
    async with entered(create_app(settings, plugins)) as client:
        yield client


@asynccontextmanager
async def entered(app: Litestar) -> AsyncIterator[Client]:
    """A client of an app that runs."""
    async with app.lifespan(), Client(app) as client:
        yield client


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Start an app with settings of the test's own."""
    async with AsyncExitStack() as stack:

        async def started(**environ: str) -> Client:
            return await stack.enter_async_context(service(tmp_path, **environ))

        yield started


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """An app without keys: the caller may do all."""
    async with service(tmp_path) as found:
        yield found


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Client]:
    """An app with keys; the first one is sent by default."""
    async with service(tmp_path, core__keys=json.dumps(KEYS)) as found:
        found.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
        yield found


async def send(client: Client, conversation: str, content: str, **body: Any) -> dict[str, Any]:
    """Send a message that must be taken."""
    answer = await client.post(f"/v1/conversations/{conversation}/messages", json={"content": content, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def entries(client: Client, conversation: str) -> list[dict[str, Any]]:
    """The whole log."""
    answer = await client.get(f"/v1/conversations/{conversation}/events")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found
