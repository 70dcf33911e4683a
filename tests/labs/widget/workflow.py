"""A stand-in for n8n: webhooks that answer as n8n's do, by workflows that store what is said, or do not.

Answers, streams and headers are as a real n8n 2.41.1 sends them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.labs.kit.http1 import Connection

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "OPTIONS, POST",
    "access-control-allow-headers": "content-type",
}
KINDS = frozenset({"simple", "stream", "silent", "slow", "fails", "memory"})


class Workflows:
    """The workflows behind `/webhook/{kind}/chat`, and the one that gives tokens."""

    def __init__(self, port: int, key: str, service: tuple[str, int]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.go = asyncio.Event()
        """What `slow` waits for before it answers."""
        self.asked: list[str] = []
        """What the widget sent."""
        self._key = key
        self._service = service
        self._numbers = itertools.count(1)

    def webhook(self, kind: str) -> str:
        """The Chat URL of a workflow."""
        return f"{self.url}/webhook/{kind}/chat"

    @property
    def tokens(self) -> str:
        """The webhook that gives a visitor a token."""
        return f"{self.url}/webhook/chat-token"

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_route("OPTIONS", "/{any:.*}", lambda _: _empty())
        app.router.add_post("/webhook/chat-token", self._token)
        app.router.add_post("/webhook/{kind}/chat", self._chat)
        return app

    async def _token(self, request: web.Request) -> web.StreamResponse:
        session = (await request.post())["session"]
        body = {"conversation": session, "subject": session, "name": "Visitor", "rights": ["read"]}
        answer = await self._ask("/v1/tokens", body)
        return web.json_response({"token": answer["token"]}, headers=CORS)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        kind, asked = request.match_info["kind"], await request.json()
        session = asked["sessionId"]
        if asked["action"] == "loadPreviousSession":
            return web.json_response({"data": await self._memory(session) if kind == "memory" else []}, headers=CORS)
        question, answer = asked["chatInput"], f"You said: {asked['chatInput']}"
        self.asked.append(question)
        if kind == "fails":
            return web.json_response({"message": "Error in workflow"}, status=500, headers=CORS)
        if kind != "silent":
            await self.store(session, question, {"role": "user", "id": "visitor"})
        if kind == "slow":
            await self.go.wait()
        if kind == "stream":
            return await self._stream(request, session, answer)
        if kind != "silent":
            await self.store(session, answer, {"role": "assistant", "id": "assistant", "name": "Assistant"})
        return web.json_response({"output": answer}, headers=CORS)

    async def _stream(self, request: web.Request, session: str, answer: str) -> web.StreamResponse:
        """As an AI Agent streams; the answer is stored before the end of the body."""
        headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-cache, no-transform"}
        response = web.StreamResponse(headers=headers | CORS)
        await response.prepare(request)
        node = {"nodeId": "AI Agent", "nodeName": "AI Agent", "itemIndex": 0, "runIndex": 0, "timestamp": 0}
        for line in (
            {"type": "begin"},
            *({"type": "item", "content": word} for word in answer.replace(" ", " \0").split("\0")),
            {"type": "end"},
        ):
            await response.write(json.dumps({**line, "metadata": node}).encode() + b"\n")
            await asyncio.sleep(0.05)  # as a model writes
        await self.store(session, answer, {"role": "assistant"})
        await response.write_eof()
        return response

    async def _memory(self, session: str) -> list[dict[str, Any]]:
        """What a memory of the last exchanges gives: people's messages and pushes are not in it."""
        page = await self._ask(f"/v1/conversations/{session}/messages?limit=100", None, method="GET")
        said = [one for one in page["messages"] if one["sender"]["role"] in {"user", "assistant"} and one["content"]]
        names = {"user": "HumanMessage", "assistant": "AIMessage"}
        kept = [one for one in said if not one["content"].startswith("pushed")][-4:]
        return [
            {"id": ["langchain_core", "messages", names[one["sender"]["role"]]], "kwargs": {"content": one["content"]}}
            for one in kept
        ]

    async def store(self, conversation: str, content: str, sender: dict[str, Any]) -> None:
        """Append a message, as an HTTP Request node does."""
        body = {"content": content, "sender": sender, "client_id": f"n8n-{next(self._numbers)}"}
        await self._ask(f"/v1/conversations/{conversation}/messages", body)

    async def _ask(self, path: str, body: object, *, method: str = "POST") -> Any:
        connection = Connection(*self._service, key=self._key)
        try:
            answer = await connection.ask(method, path, body)
        finally:
            connection.close()
        if answer.status >= 300:
            raise web.HTTPInternalServerError(text=answer.body.decode()[:500])
        return answer.json()


async def _empty() -> web.StreamResponse:
    return web.Response(status=204, headers=CORS)


@asynccontextmanager
async def workflows(key: str, service: tuple[str, int], port: int) -> AsyncIterator[Workflows]:
    """Serve them; `service` is the address of Umbral Chat, `key` n8n's key of it."""
    made = Workflows(port, key, service)
    runner = web.AppRunner(made.app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield made
    finally:
        await runner.cleanup()


__all__ = ["KINDS", "Workflows", "workflows"]
