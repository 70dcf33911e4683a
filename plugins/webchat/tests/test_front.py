"""The page at `/`: a demo where every caller may do all, and a plain page where there are keys."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat_webchat.demo_answers import VISITORS

Start = Callable[..., Awaitable[httpx.AsyncClient]]
KEYS = '[{"name": "n8n", "key": "key-key-key-key-key-key-key-key-key"}]'


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a service with these settings."""
    async with AsyncExitStack() as stack:

        async def started(**environ: str) -> httpx.AsyncClient:
            given = {"CORE__DATABASE": str(tmp_path / "chat.sqlite3")} | environ
            settings, plugins = boot(None, {f"UMBRAL_CHAT_{name}": value for name, value in given.items()})
            app = create_app(settings, plugins)
            await stack.enter_async_context(app.lifespan())
            transport = httpx.ASGITransport(cast("Any", app))
            return await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60)
            )

        yield started


def directives(answer: httpx.Response) -> dict[str, str]:
    found = [one.strip().partition(" ") for one in answer.headers["content-security-policy"].split(";")]
    return {name: value for name, _, value in found}


def linked(answer: httpx.Response) -> list[str]:
    return re.findall(r'(?:href|src)="(/[^"]*)"', answer.text)


async def test_without_keys_it_is_the_demo(start: Start) -> None:
    client = await start()
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = directives(answer)
    assert (policy["script-src"], policy["style-src"], policy["frame-src"]) == ("'self'", "'self'", "'self'")
    assert (policy["default-src"], policy["frame-ancestors"]) == ("'none'", "'none'")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=", answer.text), "nothing inline"
    (data,) = re.findall(r'data-visitors="([^"]*)"', answer.text)
    given = json.loads(html.unescape(data))
    assert [one["conversation"] for one in given] == [one.conversation for one in VISITORS]
    for path in linked(answer):
        assert (await client.get(path)).status_code == 200, path
    assert (await client.get("/?theme=dark&lang=de")).text == answer.text


@pytest.mark.parametrize("settings", [{"CORE__KEYS": KEYS}, {"WEBCHAT__DEMO": "false"}])
async def test_else_it_says_what_this_is(start: Start, settings: dict[str, str]) -> None:
    client = await start(**settings)
    answer = await client.get("/")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "frame-src" not in directives(answer)
    assert "demo" not in answer.text.lower()
    paths = linked(answer)
    assert {"/inbox", "/schema", "/schema/openapi.json"} <= set(paths)
    for path in paths:
        if path != "/inbox":
            assert (await client.get(path)).status_code == 200, path
    listed = await client.get(
        "/v1/conversations",
        headers={"authorization": f"Bearer {json.loads(KEYS)[0]['key']}"} if "CORE__KEYS" in settings else {},
    )
    assert listed.json()["conversations"] == []
