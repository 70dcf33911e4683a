"""What the inbox page is served with."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat.errors import SettingsError
from umbral_chat_webchat.inbox_page import INBOX


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Of a service with keys, which other routes ask for."""
    async with serving(tmp_path) as client:
        yield client


@asynccontextmanager
async def serving(folder: Path, **webchat: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with these settings of the section `webchat`."""
    settings, plugins = boot(
        None,
        {
            "UMBRAL_CHAT_CORE__DATABASE": str(folder / "chat.sqlite3"),
            "UMBRAL_CHAT_CORE__KEYS": '[{"name": "n8n", "key": "key-key-key-key-key-key-key-key-key"}]',
            **{f"UMBRAL_CHAT_WEBCHAT__{name}": value for name, value in webchat.items()},
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


PROJECT = {"SUPABASE_URL": "https://abc.supabase.co/", "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_<x>"}


async def test_where_accounts_may_sign_in_it_may_call_their_project_and_no_other_page_may(tmp_path: Path) -> None:
    async with serving(tmp_path, **PROJECT) as client:
        inbox, chat = await client.get(INBOX), await client.get("/c/room")
    assert "connect-src 'self' https://abc.supabase.co" in inbox.headers["content-security-policy"].split("; ")
    assert 'data-supabase-url="https://abc.supabase.co"' in inbox.text
    assert 'data-supabase-key="sb_publishable_&lt;x&gt;"' in inbox.text
    assert "supabase" not in chat.text + chat.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"SUPABASE_PUBLISHABLE_KEY": ""}, "supabase_publishable_key"),
        ({"SUPABASE_PUBLISHABLE_KEY": "sb_secret_x"}, "supabase_publishable_key"),
        ({"SUPABASE_URL": "http://abc.supabase.co"}, "supabase_url"),
        ({"SUPABASE_URL": "https://abc.supabase.co; script-src *"}, "supabase_url"),
        ({"SUPABASE_URL": "https://abc.supabase.co/path"}, "supabase_url"),
        ({"SUPABASE_URL": "https://*"}, "supabase_url"),
    ],
)
async def test_settings_that_would_open_the_page_are_refused(
    tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    given = {name: value for name, value in (PROJECT | changed).items() if value}
    with pytest.raises(SettingsError, match=named) as refused:
        async with serving(tmp_path, **given):
            pass
    assert "sb_secret_x" not in str(refused.value)
