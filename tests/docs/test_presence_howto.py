"""The page on presence: its program, run as it stands, shows who is here and who types."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local_supabase.realtime.js import Program
from tests.local_supabase.stack.npm import node
from tests.ports import free_port

from .pages import ROOT, blocks
from .session import service, surroundings

PAGE = ROOT / "docs" / "how-to" / "presence.md"
SCRIPT = ROOT / "tests" / "docs" / "presence_page.mjs"
KEY = "choose-a-long-random-text"
ROOM = "/v1/conversations/room"
GRACE = {"role": "agent", "id": "agent-7", "name": "Grace"}

pytestmark = pytest.mark.slow

Page = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture
async def n8n(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """n8n's client of a service under which a leave soon shows."""
    settings = {
        "UMBRAL_CHAT_PRESENCE__HOLD_BACK": "1",
        "UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "n8n", "key": KEY}]),
    }
    with ExitStack() as stack:
        url = await asyncio.to_thread(
            stack.enter_context, service(tmp_path, free_port(), surroundings(tmp_path) | settings)
        )
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client


@pytest.fixture
def page(n8n: httpx.AsyncClient, tmp_path: Path) -> Page:
    """The page's program, as this visitor."""
    (block,) = [block for block in blocks(PAGE) if block.language == "js"]
    module = tmp_path / "presence.mjs"
    module.write_text(block.text, encoding="utf-8")

    @asynccontextmanager
    async def opened(name: str) -> AsyncIterator[Program]:
        asked = {"conversation": "room", "subject": name.lower(), "name": name}
        token = (await n8n.post("/v1/tokens", json=asked)).json()["token"]
        options = {
            "module": str(module),
            "service": str(n8n.base_url).rstrip("/"),
            "conversation": "room",
            "token": token,
            "device": f"tab-of-{name}",
        }
        process = await asyncio.create_subprocess_exec(
            str(node()),
            str(SCRIPT),
            json.dumps(options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield Program(process)
        finally:
            process.kill()
            await process.wait()

    return opened


async def told(page: Program, what: str, **wanted: Any) -> None:
    """Until the newest that it shows is this."""
    await page.until(
        lambda line: line is page.lines[-1] and all(line[name] == value for name, value in wanted.items()),
        what,
        within=30,
    )


async def test_pages_show_each_other_s_presence_and_that_of_n8n(n8n: httpx.AsyncClient, page: Page) -> None:
    async with page("Ada") as ada, page("Bob") as bob:
        both = {"people": [["Ada", "online"], ["Bob", "online"]]}
        await ada.until(lambda line: sorted(line["people"]) == both["people"], "both", within=30)
        await ada.tell(do=["types"])
        await told(bob, "Ada types", others=["Ada"], mine=False)
        await ada.until(lambda line: line["mine"] and not line["others"], "her own")
        await ada.tell(do=["stopped"])
        await told(bob, "she stopped", others=[])
        await bob.tell(do=["is", "away"])
        await ada.until(lambda line: ["Bob", "away"] in line["people"], "Bob is away", within=30)
        await n8n.put(f"{ROOM}/presence", json={"sender": GRACE})
        await n8n.post(f"{ROOM}/typing", json={"sender": GRACE})
        await told(bob, "Grace types", others=["Grace"])
        assert bob.lines[-1]["counts"]["agent"] == 1
        await n8n.post(f"{ROOM}/messages", json={"content": "Hello", "sender": GRACE})
        line = await bob.until(lambda line: line["said"] == ["Hello"], "her message", within=30)
        assert line["others"] == [], "beside her message nobody is told that she types"
        await ada.tell(do=["leave"])
        assert (await ada.until(lambda line: line["over"], "the end"))["over"] == "left"
        await bob.until(
            lambda line: line is bob.lines[-1] and "Ada" not in str(line["people"]), "Ada has left", within=30
        )


async def test_a_deleted_conversation_ends_it(n8n: httpx.AsyncClient, page: Page) -> None:
    async with page("Ada") as ada:
        await ada.until(lambda line: line["people"], "herself", within=30)
        await n8n.delete(ROOM)
        line = await ada.until(lambda line: line["over"], "the end", within=30)
        assert line["over"] == "conversation_deleted"
