"""The demo's assistant on a service of its own: it begins with its page, answers by runs and drafts, and gives way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat_webchat import demo
from umbral_chat_webchat.demo_answers import VISITORS, answer_to, pieces

ADA = VISITORS[0]
ROOM = f"/v1/conversations/{ADA.conversation}"
PATIENCE = 30.0


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick, and slow enough to be seen on its way."""
    original = demo.DemoAssistant.__init__

    def quick(self: demo.DemoAssistant, services: Any) -> None:
        original(self, services, pace=0.004)

    monkeypatch.setattr(demo.DemoAssistant, "__init__", quick)


@pytest.fixture
async def client(tmp_path: Path, pace: None) -> AsyncIterator[httpx.AsyncClient]:
    settings, plugins = boot(None, {"UMBRAL_CHAT_CORE__DATABASE": str(tmp_path / "chat.sqlite3")})
    app = create_app(settings, plugins)
    transport = httpx.ASGITransport(cast("Any", app))
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client,
    ):
        yield client


async def messages(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"{ROOM}/messages")).json()["messages"]
    return found


async def until(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """The messages of the conversation, once there are so many."""
    async with asyncio.timeout(PATIENCE):
        while len(found := await messages(client)) < count:  # noqa: ASYNC110 - asked as a program does
            await asyncio.sleep(0.01)
    return found


async def ask(client: httpx.AsyncClient, content: str) -> None:
    body = {"content": content, "sender": {"role": "user", "id": ADA.id, "name": ADA.name}}
    assert (await client.post(f"{ROOM}/messages", json=body)).status_code == 201


async def opened(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).status_code == 200
    (greeting,) = await until(client, 1)
    assert (greeting["content"], greeting["sender"]["role"]) == (ADA.greeting, "assistant")


async def test_it_begins_when_its_page_is_opened_and_greets_once(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/conversations")).json()["conversations"] == []
    await opened(client)
    await opened(client)
    shown = (await client.get(ROOM)).json()
    assert (shown["title"], shown["head"]) == (ADA.title, 2)


async def test_an_answer_grows_as_a_draft_of_a_run_and_ends_in_the_log(client: httpx.AsyncClient) -> None:
    await opened(client)
    await ask(client, "Where is my order?")
    labels, texts = set[str](), list[str]()
    async with asyncio.timeout(PATIENCE):
        while len(found := await messages(client)) < 3:
            events = (await client.get(f"{ROOM}/events")).json()
            labels |= {str(run.get("label")) for run in events["runs"]}
            texts += [draft["text"] for draft in events["drafts"]]
            await asyncio.sleep(0)
    answer = found[-1]
    assert answer["content"] == answer_to("order", 0).text
    assert answer["sender"]["name"] == "Demo assistant"
    assert "Looking up order 1042" in labels
    assert texts
    assert all(answer["content"].startswith(text.rstrip()) for text in texts)
    async with asyncio.timeout(PATIENCE):
        while (events := (await client.get(f"{ROOM}/events")).json())["drafts"] or events["runs"]:  # noqa: ASYNC110 - asked as a program does
            await asyncio.sleep(0.01)
    assert [entry["kind"] for entry in events["entries"]][-2:] == ["message", "message"]


async def test_it_stops_when_it_is_asked_to(client: httpx.AsyncClient) -> None:
    await opened(client)
    await ask(client, "Tell me something")
    async with asyncio.timeout(PATIENCE):
        while not (events := (await client.get(f"{ROOM}/events")).json())["drafts"]:  # noqa: ASYNC110 - asked as a program does
            await asyncio.sleep(0.01)
    (run,) = events["runs"]
    assert (await client.post(f"{ROOM}/runs/{run['run_id']}/cancel", json={})).status_code == 202
    found = await until(client, 3)
    whole = answer_to("Tell me something", found[1]["seq"]).text
    if found[-1]["content"] != whole:  # it may have written the rest between two looks
        assert found[-1]["finish"] == "cancelled"
        assert whole.startswith(found[-1]["content"])


async def test_it_is_silent_while_a_person_has_the_conversation(client: httpx.AsyncClient) -> None:
    await opened(client)
    assert (await client.post(f"{ROOM}/takeover", json={"assignee": "grace"})).status_code == 200
    await ask(client, "Is anybody there?")
    await client.post(f"{ROOM}/messages", json={"content": "Yes.", "sender": {"role": "agent", "name": "Grace"}})
    assert (await client.delete(f"{ROOM}/takeover")).status_code == 200
    await ask(client, "And now my order?")
    found = await until(client, 5)
    assert [one["sender"]["role"] for one in found] == ["assistant", "user", "agent", "user", "assistant"]


async def test_a_deleted_conversation_is_made_again(client: httpx.AsyncClient) -> None:
    await opened(client)
    assert (await client.delete(ROOM)).status_code == 204
    async with asyncio.timeout(PATIENCE):
        while (await client.get(ROOM)).status_code != 200:  # noqa: ASYNC110 - asked as a program does
            await asyncio.sleep(0.02)
    await until(client, 1)
    await ask(client, "My order, please")
    assert (await until(client, 3))[-1]["sender"]["role"] == "assistant"


@given(st.text(), st.integers(1, 5))
def test_pieces_are_the_text(text: str, words: int) -> None:
    found = pieces(text, words)
    assert "".join(found) == text
    assert all(found)


@given(st.text(max_size=2_000), st.integers(0, 2**53))
def test_there_is_an_answer_to_everything(content: str, seq: int) -> None:
    answer = answer_to(content, seq)
    assert answer.text.strip()
    assert len(answer.text) < 1_000
