"""The chat page on a running app: its policy, what it loads, and that it says nothing of any conversation."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat_webchat import load
from umbral_chat_webchat.pages import page, policy

KEYS = '[{"name": "n8n", "key": "key-key-key-key-key-key-key-key-key"}]'


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Of a service with keys, and without credentials."""
    database = str(tmp_path / "chat.sqlite3")
    settings, plugins = boot(None, {"UMBRAL_CHAT_CORE__DATABASE": database, "UMBRAL_CHAT_CORE__KEYS": KEYS})
    app = create_app(settings, plugins)
    transport = httpx.ASGITransport(cast("Any", app))
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_the_page_allows_what_this_service_serves_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/c/room")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    expected = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert answer.headers.get_list("content-security-policy") == [expected]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-cache"
    assert "set-cookie" not in answer.headers


async def test_nothing_in_the_page_needs_an_exception_of_the_policy(client: httpx.AsyncClient) -> None:
    html = (await client.get("/c/room")).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", html) == [""]
    for target in re.findall(r'(?:src|href)="([^"]*)"', html):
        if target.startswith("data:image/"):
            continue
        assert target.startswith("/web/umbral-chat"), target
        assert (await client.get(target)).status_code == 200, target


async def test_every_module_is_loaded_at_once(client: httpx.AsyncClient) -> None:
    """What the script needs to run is named in the page, so that nothing waits for a module that waits for another."""
    html = (await client.get("/c/room")).text
    named = set(re.findall(r'(?:src|href)="(/web/[^"]*)"', html))
    assets = load()
    assert set(assets.imports("umbral-chat-ui/pages/chat.js")) <= named
    assert set(assets.imports("umbral-chat-ui/markdown.js")) <= named
    assert {assets.url("umbral-chat-ui/ui.css"), assets.url("umbral-chat-ui/pages/page.css")} <= named


async def test_the_page_is_the_same_for_every_conversation_and_every_caller(client: httpx.AsyncClient) -> None:
    first = await client.get("/c/room")
    for path in ("/c/never-made", "/c/a%3Cscript%3E", "/c/room?lang=de&theme=dark&utm_source=a&utm_source=b"):
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (200, first.text), path
    assert (await client.get("/c/room", headers={"Authorization": "Bearer wrong"})).text == first.text
    assert (await client.get("/c/a/b")).status_code == 404
    assert (await client.post("/c/room", json={})).status_code == 405


def test_a_page_may_be_framed_by_the_origins_that_are_named() -> None:
    framed = page(load(), script="pages/chat.js", title="<Chat>", framed_by=["https://www.example.com"])
    headers = {name.lower(): value for name, value in framed.headers.items()}
    assert headers["content-security-policy"].endswith("frame-ancestors https://www.example.com")
    assert "x-frame-options" not in headers
    assert "<title>&lt;Chat&gt;</title>" in framed.content
    assert policy().endswith("frame-ancestors 'none'")


def test_a_script_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        page(load(), script="pages/other.js", title="Chat")


async def test_the_page_is_a_fifth_of_n8ns_bundle_at_most(client: httpx.AsyncClient) -> None:
    """Each file compressed by itself, as it is sent; `@n8n/chat` 1.37.0's bundle and style sheet are 462,454 bytes."""
    html = (await client.get("/c/room")).text
    targets = set(re.findall(r'(?:src|href)="(/web/[^"]*)"', html))
    sizes = [len(gzip.compress((await client.get(target)).content, 9)) for target in targets]
    assert sum(sizes) + len(gzip.compress(html.encode(), 9)) <= 462_454 / 5


@pytest.mark.parametrize("chosen", [True, False])
async def test_the_pages_allow_receipts_only_where_the_setting_says_so(tmp_path: Path, chosen: bool) -> None:
    environ = {"UMBRAL_CHAT_CORE__DATABASE": str(tmp_path / "chat.sqlite3"), "UMBRAL_CHAT_CORE__KEYS": KEYS}
    if chosen:
        environ["UMBRAL_CHAT_WEBCHAT__RECEIPTS"] = "true"
    app = create_app(*boot(None, environ))
    transport = httpx.ASGITransport(cast("Any", app))
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in ("/c/room", "/inbox"):
            assert ('data-receipts="on"' in (await client.get(path)).text) is chosen, path
