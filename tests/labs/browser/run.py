"""The state of one run: the service, the browser, and the pages that are open."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

from playwright.async_api import Browser, BrowserContext, Page

from tests.labs.kit.chat_pages import NotSeen
from tests.labs.kit.http1 import Answer, Connection, NoAnswer
from tests.labs.kit.service import Service
from tests.local_supabase.people import User, sign_up
from tests.local_supabase.stack.api import Stack

from .site import token_for
from .verdict import Shown, violations

PATIENCE = 45.0
"""Seconds until a page must show something. A climb to a better edge may take 15 s, a reconnect 30 s of back-off."""


@dataclass
class Stage:
    """One scenario on one edge: a conversation of its own, its pages, and what was sent in it."""

    service: Service
    site: str
    api: Connection
    browser: Browser
    conversation: str
    edges: list[str]
    stack: Stack | None = None
    """The local Supabase that the service is on; then visitors are its users."""
    sent: list[str] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)
    users: dict[str, User] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Of the service."""
        return f"http://{self.service.host}:{self.service.port}"

    async def context(self) -> BrowserContext:
        """Another browser, as it were: storage, locks and network of its own."""
        context = await self.browser.new_context()
        self.contexts.append(context)
        return context

    async def open(self, name: str, context: BrowserContext, *, clock: bool = False, **options: Any) -> Page:
        """Open the bare page as the visitor `name`, and wait until it is connected by the best edge that it may use."""
        page = await context.new_page()
        if clock:
            await page.clock.install()
        errors = self.errors[name] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        self.pages[name] = page
        given = {
            "module": f"{self.url}/web/umbral-chat.js",
            "url": self.url,
            "conversation": self.conversation,
            "edges": self.edges,
            **await self._credentials(name.partition("/")[0]),
            **options,
        }
        await page.goto(f"{self.site}/page.html#{quote(json.dumps(given))}")
        await self.pushed(name, within=PATIENCE)
        return page

    async def connected(self, name: str) -> None:
        """Wait until it is connected."""
        await self.until(name, "chat.state.connection.state === 'open'")

    async def offline(self, name: str) -> None:
        """Wait until its state says so."""
        await self.until(name, "chat.state.connection.state === 'offline'")

    async def disconnected(self, name: str) -> None:
        """Wait until its state says so."""
        await self.until(name, "chat.state.connection.state !== 'open'")

    async def polling(self, name: str) -> None:
        """Wait until it is connected by one kind of polls."""
        await self.until(name, "chat.state.connection.state === 'open' && /poll/.test(chat.state.connection.edge)")

    async def pushed(self, name: str, *, within: float = 60.0) -> None:
        """Wait until it is connected by the edge that is tried."""
        best = f"chat.state.connection.edge === '{self.edges[0]}'"
        await self.until(name, f"chat.state.connection.state === 'open' && {best}", within=within)

    async def shows(self, name: str, messages: int) -> None:
        """Wait until it has as many messages."""
        await self.until(name, f"chat.state.messages.length === {messages}")

    async def shows_draft(self, name: str, text: str | None) -> None:
        """Wait until it has a draft of this text, or none."""
        found = "chat.state.drafts.length === 0"
        if text is not None:
            found = f"chat.state.drafts.some((one) => one.text === {json.dumps(text)})"
        await self.until(name, found)

    async def leads(self, name: str) -> bool:
        """Whether this tab holds the connection."""
        found: bool = await self.pages[name].evaluate("chat.state.connection.leader")
        return found

    async def _credentials(self, person: str) -> dict[str, Any]:
        if self.stack is None:
            return {"token": await token_for(self.api, self.conversation, person)}
        user = self.users.get(person)
        if user is None:
            user = self.users[person] = await sign_up(self.stack, f"{person}.{self.conversation}@example.com")
            members = [{"subject": one.id} for one in self.users.values()]
            await self.api.ask("POST", "/v1/conversations", {"id": self.conversation, "members": members})
        project = {"url": self.stack.url, "key": self.stack.publishable_key}
        return {"token": user.access_token, "project": project}

    async def until(self, name: str, condition: str, *, within: float = PATIENCE) -> None:
        """Wait until a JavaScript expression holds on the page. Raises NotSeen."""
        page = self.pages[name]
        end = asyncio.get_running_loop().time() + within
        while not await page.evaluate(f"Boolean(window.chat && ({condition}))"):
            if asyncio.get_running_loop().time() > end:
                state = await page.evaluate(
                    "JSON.stringify(window.chat && [chat.state.connection, chat.state.messages.slice(-3)])"
                )
                raise NotSeen(
                    f"{name}: not within {within:g} s: {condition}; its state: {str(state)[:2500]}; "
                    f"errors: {self.errors[name]}"
                )
            await asyncio.sleep(0.05)

    async def send(self, name: str) -> str:
        """Let the person of a page send a message."""
        content = f"{name} {next(self.numbers)}"
        self.sent.append(content)
        await self.pages[name].evaluate("(content) => void chat.send(content)", content)
        return content

    async def say(self, **more: Any) -> str:
        """Let n8n send one. It is sent again, with its key, until it is answered."""
        content = f"n8n {next(self.numbers)}"
        self.sent.append(content)
        body = {"content": content, "client_id": content, "sender": {"role": "assistant"}, **more}
        await self.ask("POST", "messages", body)
        return content

    async def draft(self, message_id: str, offset: int, text: str) -> None:
        """Let n8n write a piece of a message."""
        body = {"message_id": message_id, "offset": offset, "text": text, "sender": {"role": "assistant"}}
        await self.ask("POST", "drafts", body)

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Ask the service about the conversation, until it answers."""
        for _ in range(100):
            try:
                answer = await self.api.ask(method, f"/v1/conversations/{self.conversation}/{path}", body)
            except NoAnswer:
                await asyncio.sleep(0.2)
                continue
            if answer.status >= 300:
                raise NotSeen(f"{method} {path}: {answer.status} {answer.body.decode()[:500]}")
            return answer
        raise NotSeen("the service does not answer")

    async def toggle(self, enabled: bool) -> None:
        """Switch realtime."""
        await self.api.ask("PUT", "/v1/admin/realtime", {"enabled": enabled})

    async def agree(self) -> None:
        """Wait until all that pages sent is stored, and every page has come to the end of the log. The verdict says
        whether what it shows is right."""
        for name in self.pages:
            await self.until(name, "chat.state.messages.every((one) => one.message_id)")
        head = (await self.ask("GET", "events?limit=1")).json()["head"]
        for name in self.pages:
            await self.until(name, f"chat.state.seq === {head}")

    async def verdict(self) -> list[str]:
        """What is wrong now."""
        log = (await self.ask("GET", "messages?limit=100")).json()["messages"]
        shown = []
        for name, page in self.pages.items():
            state = await page.evaluate("({ messages: chat.state.messages, ...seen })")
            errors = self.errors[name]
            shown.append(Shown(name, state["messages"], state["repeats"], state["disorder"], errors))
        return violations(log, shown, self.sent)

    async def close(self) -> None:
        """Close the pages."""
        for context in self.contexts:
            await context.close()


__all__ = ["PATIENCE", "Stage"]
