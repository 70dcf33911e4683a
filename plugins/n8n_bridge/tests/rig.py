"""A whole service with one chat, in front of a double of n8n."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from umbral_chat_n8n_bridge.plugin import bridge_of

from core.tests.http.conftest import Client, service

from .n8n import N8n, Script, echo, n8n

KEYS = [
    {"name": "desk", "key": "desk-key-for-tests-only-0001"},
    {"name": "workflow", "key": "workflow-key-for-tests-0001"},
]


def bearer(name: str) -> dict[str, str]:
    """The header of a service key."""
    return {"authorization": f"Bearer {next(one['key'] for one in KEYS if one['name'] == name)}"}


PATIENCE = 30.0
"""Seconds for what takes milliseconds on an idle machine."""


class Rig:
    """The service and its n8n."""

    def __init__(self, client: Client, workflow: N8n) -> None:
        self.client = client
        self.n8n = workflow
        client.headers.update(bearer("desk"))

    async def say(self, text: str, conversation: str = "support:ada", **more: Any) -> dict[str, Any]:
        """A user's message by the API; the entry."""
        headers = bearer(more.pop("key", "desk"))
        body = {"content": text, "sender": {"role": "user", "id": "ada"}, **more}
        answer = await self.client.post(f"/v1/conversations/{conversation}/messages", json=body, headers=headers)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def log(self, conversation: str = "support:ada") -> list[dict[str, Any]]:
        """The entries."""
        answer = await self.client.get(f"/v1/conversations/{conversation}/events")
        found: list[dict[str, Any]] = answer.json()["entries"]
        return found

    async def texts(self, conversation: str = "support:ada") -> list[tuple[str, str]]:
        """Role and text of the messages, or the outcome of a run."""
        return [
            (one["sender"]["role"], one["content"] if one["kind"] == "message" else one.get("outcome", one["kind"]))
            for one in await self.log(conversation)
        ]

    async def state(self, conversation: str = "support:ada") -> dict[str, Any]:
        """The answer to a poll: with drafts and runs."""
        found: dict[str, Any] = (await self.client.get(f"/v1/conversations/{conversation}/events")).json()
        return found

    async def runs(self, conversation: str = "support:ada") -> list[dict[str, Any]]:
        """The runs that go on."""
        found: list[dict[str, Any]] = (await self.state(conversation)).get("runs", [])
        return found

    async def until(self, wanted: Callable[[], Awaitable[Any]], what: str) -> Any:
        """What `wanted` returns once it is true."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await wanted()):  # noqa: ASYNC110 - what is polled is a service
                await asyncio.sleep(0.01)
        assert found, what
        return found

    async def until_texts(self, *texts: tuple[str, str], conversation: str = "support:ada") -> None:
        """Wait until the log has these messages, no other, and no run goes on."""
        found: list[tuple[str, str]] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = await self.texts(conversation)
                    if found == list(texts) and not await self.runs(conversation):
                        return
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"the log is {found}") from None

    async def letters(self) -> list[tuple[str, int, str]]:
        """The dead letters of the chat."""
        services = self.client.app.state.services
        return [(one.conversation, one.seq, one.reason) for one in await services.consumers.dead_letters("n8n:support")]


@asynccontextmanager
async def rig(
    folder: Path, script: Script = echo, *, asks: bool = False, files_waiting: int = 1_000_000, **chat: Any
) -> AsyncIterator[Rig]:
    """One chat, `support`; `asks`: it knows the address of n8n's API."""
    async with n8n(script) as workflow:
        if asks:
            chat["api_url"] = workflow.url_of_api
        chats = {"support": {"webhook_url": workflow.url, "n8n_keys": ["workflow"], **chat}}
        if chat.get("files") == "pass":
            chats["support"].setdefault("files_bytes", files_waiting)
        environ = {"n8n__chats": json.dumps(chats), "n8n__files_waiting": str(files_waiting)}
        async with service(folder, **environ, core__keys=json.dumps(KEYS)) as client:
            # What is written before a new consumer runs is not relayed.
            await asyncio.wait_for(bridge_of(client.app.state.services).started.wait(), 30)
            yield Rig(client, workflow)


__all__ = ["KEYS", "Rig", "bearer", "rig"]
