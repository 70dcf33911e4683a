"""What the inbox page is served with."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat_webchat.inbox_page import INBOX


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Of a service with keys, which other routes ask for."""
    settings, plugins = boot(
        None,
        {
            "UMBRAL_CHAT_CORE__DATABASE": str(tmp_path / "chat.sqlite3"),
            "UMBRAL_CHAT_CORE__KEYS": '[{"name": "n8n", "key": "key-key-key-key-key-key-key-key-key"}]',
        },
    )
    app = create_app(settings, plugins)
    transport = httpx.ASGITransport(cast("Any", app))
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_it_is_an_empty_shell_that_is_open_to_all(client: httpx.AsyncClient) -> None:
    answer = await client.get(INBOX)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    assert (await client.get("/v1/conversations")).status_code == 401


@pytest.mark.parametrize(
    "directive",
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    ],
)
async def test_its_policy_lets_it_load_what_the_service_serves_and_nothing_else(
    client: httpx.AsyncClient, directive: str
) -> None:
    assert directive in (await client.get(INBOX)).headers["content-security-policy"].split("; ")


async def test_its_address_may_have_the_filter_and_the_open_conversation(client: httpx.AsyncClient) -> None:
    plain = await client.get(INBOX)
    query = {"waiting": "1", "q": "<b>", "c": "order-1042", "lang": "de", "of": "another"}
    answer = await client.get(INBOX, params=query)
    assert (answer.status_code, answer.text) == (200, plain.text)


async def test_everything_that_it_names_is_served(client: httpx.AsyncClient) -> None:
    named = re.findall(r'(?:src|href)="([^"]+)"', (await client.get(INBOX)).text)
    assert any(one.endswith("/inbox/inbox.css") for one in named)
    assert any(one.endswith("/inbox/page.js") for one in named)
    for path in named:
        if path.startswith("data:"):
            continue  # its icon
        assert path.startswith("/web/")
        assert (await client.get(path)).status_code == 200, path


async def test_every_module_that_it_needs_is_named_so_that_none_waits_for_another(client: httpx.AsyncClient) -> None:
    named = set(re.findall(r'(?:src|href)="([^"]+\.js)"', (await client.get(INBOX)).text))
    for path in named:
        body = (await client.get(path)).text
        imported = re.findall(r'^(?:import|export)\b[^;"]*"(\.[^"]+)";', body, re.MULTILINE)
        assert {normpath(join(dirname(path), one)) for one in imported} <= named, path
