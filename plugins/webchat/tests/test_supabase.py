"""The edge `direct`: supabase-js on the local Supabase, its channel cut and refused, and messages go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.docs.session import service, surroundings
from tests.local_supabase.people import PASSWORD, command, sign_up
from tests.local_supabase.realtime.js import Line, program
from tests.local_supabase.stack.api import Stack
from tests.ports import free_port

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "js" / "supabase_page.mjs"
KEY = "choose-a-long-random-text"
ROOM = "/v1/conversations/room"


@pytest.fixture
async def client(supabase: Stack, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """n8n's client of a service on this Supabase. What arrives sooner than within a minute came by the channel."""
    await command(supabase, "realtime/reset")
    settings = {
        "UMBRAL_CHAT_SUPABASE__URL": supabase.url,
        "UMBRAL_CHAT_SUPABASE__KEY": supabase.secret_key,
        "UMBRAL_CHAT_SUPABASE__PUBLISHABLE_KEY": supabase.publishable_key,
        "UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL": "60",
        "UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "n8n", "key": KEY}]),
    }
    with ExitStack() as stack:
        url = await asyncio.to_thread(
            stack.enter_context, service(tmp_path, free_port(), surroundings(tmp_path) | settings)
        )
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client
    await command(supabase, "realtime/reset")


async def test_the_channel_is_used_and_when_it_is_cut_messages_go_on(
    supabase: Stack, client: httpx.AsyncClient
) -> None:
    user = await sign_up(supabase)
    made = await client.post("/v1/conversations", json={"id": "room", "members": [{"subject": user.id}]})
    assert made.is_success, made.text
    texts: list[str] = []

    async def say(content: str) -> None:
        texts.append(content)
        answer = await client.post(f"{ROOM}/messages", json={"content": content, "sender": {"role": "assistant"}})
        assert answer.status_code == 201, answer.text

    def shows(edge: str | None = None) -> str:
        return f"{texts} over {edge or 'any edge'}"

    def shown(line: Line, edge: str | None = None) -> bool:
        connection = line["connection"]
        right = line["messages"] == [[text, "sent"] for text in texts]
        return right and connection["state"] == "open" and edge in {None, connection["edge"]}

    given = {"conversation": "room", "edges": ["direct", "long_poll", "poll"]}
    where = {"url": supabase.url, "key": supabase.publishable_key, "email": user.email, "password": PASSWORD}
    base = str(client.base_url).rstrip("/")
    async with program(SCRIPT, **where, **given, service=base) as page:
        await say("before")
        await page.until(lambda line: shown(line, "direct"), shows("direct"))
        await say("over the channel")
        await page.until(lambda line: shown(line, "direct"), shows("direct"))
        await page.tell(content="from the page")
        texts.append("from the page")
        await page.until(lambda line: shown(line, "direct"), shows("direct"))
        await command(supabase, "realtime/faults", refuse_join="refused")
        await command(supabase, "realtime/drop")
        await say("while it is cut")
        await page.until(lambda line: shown(line, "long_poll"), shows("long_poll"))
        reasons = {line["connection"]["reason"] for line in page.lines}
        assert "unreachable" in reasons
        await command(supabase, "realtime/reset")
        await say("it is back")
        await page.until(lambda line: shown(line, "direct"), shows("direct"), within=90.0)
