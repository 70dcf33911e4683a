"""The client against the service as it is shipped, in a process of its own, from Node. Edges that push are in the
browser lab and in the client's own tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docs.session import service, surroundings
from tests.local_supabase.stack.npm import node
from tests.ports import free_port

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parent / "js" / "page.mjs"
KEY = "choose-a-long-random-text"
ROOM = "/v1/conversations/room"
PATIENCE = 60.0
"""Seconds until a state must be seen, on a machine that other tests share."""

State = dict[str, Any]


class Page:
    """Tabs in a Node process; `until` waits for a state of one."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self._url = url
        self.last: dict[str, State] = {}

    def tell(self, command: str, tab: str = "a", **given: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, "tab": tab, **given}).encode() + b"\n")

    def open(self, tab: str = "a", **options: Any) -> None:
        self.tell("open", tab, url=self._url, conversation="room", **options)

    async def until(self, condition: Callable[[State], bool], tab: str = "a") -> State:
        """The first state of the tab, the present one included, that meets the condition."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE):
                while tab not in self.last or not condition(self.last[tab]):
                    line = await self._process.stdout.readline()
                    assert line, "the page ended by itself"
                    found = json.loads(line)
                    self.last[found["tab"]] = found["state"]
        except TimeoutError:
            pytest.fail(f"not within {PATIENCE:g} s; the last state: {json.dumps(self.last.get(tab))[:2000]}", False)
        return self.last[tab]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """n8n's client of a service with a key."""
    keys = {"UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "n8n", "key": KEY}])}
    with ExitStack() as stack:
        url = await asyncio.to_thread(
            stack.enter_context, service(tmp_path, free_port(), surroundings(tmp_path) | keys)
        )
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client


@pytest.fixture
async def page(client: httpx.AsyncClient) -> AsyncIterator[Page]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(_page(str(client.base_url).rstrip("/")))


@asynccontextmanager
async def _page(url: str) -> AsyncIterator[Page]:
    process = await asyncio.create_subprocess_exec(
        str(node()),
        str(PAGE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,  # bytes of a line: a state is one
    )
    try:
        yield Page(process, url)
    finally:
        process.kill()
        await process.wait()


async def token(client: httpx.AsyncClient, subject: str = "ada", **more: Any) -> str:
    answer = await client.post("/v1/tokens", json={"conversation": "room", "subject": subject, "name": "Ada", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def say(client: httpx.AsyncClient, content: str, **more: Any) -> None:
    body = {"content": content, "sender": {"role": "assistant"}, **more}
    assert (await client.post(f"{ROOM}/messages", json=body)).status_code == 201


def shown(state: State) -> list[tuple[str, str]]:
    return [(message["content"], message["delivery"]) for message in state["messages"]]


async def test_a_visitor_and_an_assistant(client: httpx.AsyncClient, page: Page) -> None:
    page.open(token=await token(client))
    state = await page.until(lambda state: state["connection"]["state"] == "open")
    assert state["connection"]["leader"] is True
    page.tell("send", content="Where is my order?")
    state = await page.until(lambda state: shown(state) == [("Where is my order?", "sent")])
    assert state["messages"][0]["sender"] == {"role": "user", "id": "ada", "name": "Ada"}
    assert state["unread"] == 0
    for offset, piece in ((0, "Let me "), (7, "look 🔎")):
        draft = {"message_id": "answer", "offset": offset, "text": piece, "sender": {"role": "assistant"}}
        assert (await client.post(f"{ROOM}/drafts", json=draft)).status_code == 200
    await page.until(lambda state: [draft["text"] for draft in state["drafts"]] == ["Let me look 🔎"])
    await say(client, "It is on its way.", message_id="answer")
    state = await page.until(lambda state: len(state["messages"]) == 2)
    assert (state["drafts"], state["unread"]) == ([], 1)
    page.tell("edit", id=state["messages"][0]["message_id"], content="Where is order 1042?")
    await page.until(lambda state: state["messages"][0]["content"] == "Where is order 1042?")
    page.tell("read", seq=3)
    await page.until(lambda state: state["unread"] == 0)
    await client.post(f"{ROOM}/typing", json={"sender": {"role": "assistant", "name": "Bot"}})
    await page.until(lambda state: [one["name"] for one in state["typing"]] == ["Bot"])
    page.tell("redact", id=state["messages"][0]["message_id"])
    await page.until(lambda state: state["messages"][0].get("redacted") is True)


async def test_the_copy_is_the_history_whatever_happened_before_and_after(
    client: httpx.AsyncClient, page: Page
) -> None:
    for number in range(30):
        await say(client, f"m{number}", message_id=f"id{number}")
    page.open(token=await token(client), pageSize=10, edges=["poll"])
    await page.until(lambda state: len(state["messages"]) == 10)
    await client.patch(f"{ROOM}/messages/id25", json={"content": "edited"})
    await client.delete(f"{ROOM}/messages/id26")
    await client.patch(f"{ROOM}/messages/id3", json={"content": "not on the page"})
    await client.patch("/v1/conversations/room", json={"title": "Order 1042"})
    await say(client, "last")
    state = await page.until(lambda state: shown(state)[-1:] == [("last", "sent")])
    history = (await client.get(f"{ROOM}/messages", params={"limit": 11})).json()["messages"]
    for message in state["messages"]:
        del message["key"], message["delivery"]
    assert state["messages"] == history
    fields = ("title", "status", "responder")
    assert [state["conversation"][name] for name in fields] == ["Order 1042", "open", "assistant"]
    assert (state["seq"], state["hasEarlier"]) == (35, True)


async def test_two_tabs_share_a_connection_and_a_token_is_renewed(client: httpx.AsyncClient, page: Page) -> None:
    tokens = [await token(client), await token(client), await token(client)]
    page.open("a", tokens=["not a token", tokens[0]], user="ada")
    page.open("b", tokens=["not one either", tokens[1], tokens[2]], user="ada")
    for tab in ("a", "b"):
        await page.until(lambda state: state["connection"]["state"] == "open", tab)
    assert sorted(page.last[tab]["connection"]["leader"] for tab in ("a", "b")) == [False, True]
    page.tell("send", "b", content="from b")
    for tab in ("a", "b"):
        await page.until(lambda state: shown(state) == [("from b", "sent")], tab)
    leader = "a" if page.last["a"]["connection"]["leader"] else "b"
    other = "b" if leader == "a" else "a"
    page.tell("close", leader)
    await page.until(lambda state: state["connection"]["leader"] and state["connection"]["state"] == "open", other)
    await say(client, "still here")
    await page.until(lambda state: shown(state)[-1] == ("still here", "sent"), other)


async def test_a_person_is_here_while_the_page_is_open(client: httpx.AsyncClient, page: Page) -> None:
    page.open(token=await token(client), present=True)
    state = await page.until(lambda state: (state["presence"] or {}).get("count") == 1)
    assert [(one["name"], one["status"]) for one in state["presence"]["people"]] == [("Ada", "online")]


async def test_a_deleted_conversation_and_a_refused_message(client: httpx.AsyncClient, page: Page) -> None:
    page.open(token=await token(client))
    await page.until(lambda state: state["connection"]["state"] == "open")
    page.tell("send", content="x" * 200_000)
    state = await page.until(lambda state: [kind for _, kind in shown(state)] == ["failed"])
    assert state["messages"][0]["error"]["code"] in {"invalid_field", "body_too_large"}
    page.tell("send", content="short")
    await page.until(lambda state: ("short", "sent") in shown(state))
    assert (await client.delete(ROOM)).status_code == 204
    state = await page.until(lambda state: state["connection"]["state"] == "closed")
    assert state["connection"]["reason"] == "conversation_deleted"


async def test_a_message_that_is_refused_for_its_rights(client: httpx.AsyncClient, page: Page) -> None:
    page.open(token=await token(client, rights=["read"]))
    await page.until(lambda state: state["connection"]["state"] == "open")
    page.tell("send", content="hello")
    state = await page.until(lambda state: [kind for _, kind in shown(state)] == ["failed"])
    assert state["messages"][0]["error"]["code"] == "forbidden"
