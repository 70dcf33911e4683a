"""`/web/…` on a running app: types, caching, and that every page of the web may import it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat_webchat import load

KEYS = '[{"name": "n8n", "key": "key-key-key-key-key-key-key-key-key"}]'
PAGE = "https://www.example.com"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Of a service with keys, which other routes ask for."""
    settings, plugins = boot(
        None,
        {
            "UMBRAL_CHAT_CORE__DATABASE": str(tmp_path / "chat.sqlite3"),
            "UMBRAL_CHAT_CORE__KEYS": KEYS,
            "UMBRAL_CHAT_CORE__CORS_ORIGINS": f'["{PAGE}"]',
        },
    )
    app = create_app(settings, plugins)
    transport = httpx.ASGITransport(cast("Any", app))
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_the_client_is_served_without_credentials(client: httpx.AsyncClient) -> None:
    answer = await client.get("/web/umbral-chat.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "public, no-cache"
    assert answer.content == load().files["umbral-chat.js"].body
    assert (await client.get("/v1/conversations/room")).status_code == 401


async def test_every_file_is_served_as_it_is(client: httpx.AsyncClient) -> None:
    for path, asset in load().files.items():
        answer = await client.get(f"/web/{path}")
        assert (answer.status_code, answer.content) == (200, asset.body), path
        assert answer.headers["cache-control"] == asset.cache_control


@pytest.mark.parametrize("known", ["{etag}", 'W/"other", {etag}', "W/{etag}", "*"])
async def test_an_unchanged_file_is_a_304(client: httpx.AsyncClient, known: str) -> None:
    etag = (await client.get("/web/umbral-chat.js")).headers["etag"]
    answer = await client.get("/web/umbral-chat.js", headers={"If-None-Match": known.format(etag=etag)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    answer = await client.get("/web/umbral-chat.js", headers={"If-None-Match": '"other"'})
    assert answer.status_code == 200


@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, PAGE), ("https://elsewhere.example", "*"), (None, "*")])
async def test_a_page_of_any_origin_may_import_it(client: httpx.AsyncClient, origin: str | None, allowed: str) -> None:
    answer = await client.get("/web/umbral-chat.js", headers={"Origin": origin} if origin else {})
    assert answer.headers.get_list("access-control-allow-origin") == [allowed]


@pytest.mark.parametrize(
    "path", ["umbral-chat.0123456789abcdef.js", "umbral-chat/index.js", "package.json", "../plugin.py", "x/%2e%2e/y"]
)
async def test_what_is_not_there_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/web/{path}")
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_head_and_other_methods(client: httpx.AsyncClient) -> None:
    answer = await client.head("/web/umbral-chat.js")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await client.post("/web/umbral-chat.js", json={})).status_code == 405
