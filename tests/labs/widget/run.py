"""The state of one run: the service, the workflows, the browser, and the pages that are open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol
from urllib.parse import quote

from playwright.async_api import Browser, BrowserContext, Page

from tests.labs.kit.http1 import Answer, Connection, NoAnswer
from tests.labs.kit.service import Service

from .verdict import Shown, violations

PATIENCE = 60.0
"""Seconds until a page must show something. A reconnect may take 30 s of back-off."""

TYPING = ".chat-message-typing"
"""The widget's own dots."""


class NotSeen(Exception):
    """A page did not come to show what it should."""


class Chats(Protocol):
    """Where the workflows are: in the stand-in, or in a real n8n."""

    def webhook(self, kind: str) -> str:
        """The Chat URL of one."""
        ...


@dataclass
class Stage:
    """One scenario: a conversation of its own, and its pages."""

    service: Service
    site: str
    api: Connection
    browser: Browser
    chats: Chats
    conversation: str
    visitor: Connection
    """Without a key."""
    session: str
    """What the widget calls it."""
    pages: dict[str, Page] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    console: dict[str, list[str]] = field(default_factory=dict)
    own: dict[str, list[str]] = field(default_factory=dict)
    """By page, what only the widget has."""
    lines: dict[str, int] = field(default_factory=dict)
    """By page, how many lines of the companion its console must have."""
    repeated: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    @property
    def url(self) -> str:
        """Of the service."""
        return f"http://{self.service.host}:{self.service.port}"

    async def context(self) -> BrowserContext:
        """Another browser, as it were."""
        context = await self.browser.new_context()
        self.contexts.append(context)
        return context

    async def page(self, name: str, context: BrowserContext) -> Page:
        """An empty page, whose errors and console are noted."""
        page = await context.new_page()
        errors = self.errors[name] = []
        console = self.console[name] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: console.append(message.text))
        self.pages[name] = page
        return page

    async def open(
        self,
        name: str,
        context: BrowserContext,
        kind: str = "simple",
        *,
        followed: bool = True,
        companion: bool = True,
        spoil: bool = False,
        widget: dict[str, Any] | None = None,
        **options: Any,
    ) -> Page:
        """Open the page with the chat of a workflow, or with the service's gateway to it; wait until it follows the
        conversation, if it is to."""
        page = await self.page(name, context)
        token = await self.token() if followed else None
        given = {
            "companion": f"{self.url}/web/umbral-chat-n8n.js" if companion else _NO_COMPANION,
            "widget": {
                "webhookUrl": self.chats.webhook(kind),
                "sessionId": self.session,
                "loadPreviousSession": False,
                **(widget or {}),
            },
            "options": {"url": self.url, "conversation": self.conversation, "token": token, **options},
            "spoil": spoil,
        }
        await page.goto(f"{self.site}/page.html#{quote(json.dumps(given))}")
        await page.wait_for_selector("textarea")
        if followed:
            await self.until(name, "companion?.chat?.state.connection.state === 'open'")
        return page

    async def token(self) -> str:
        """A token of the conversation, as the workflow gives one."""
        body = {"conversation": self.conversation, "subject": self.conversation, "rights": ["read", "send"]}
        answer = await self._asked("POST", "/v1/tokens", body)
        if answer.status != 201:
            raise NotSeen(f"no token: {answer.status}")
        return str(answer.json()["token"])

    async def ask(self, name: str, text: str) -> None:
        """Type a question into the widget, and send it."""
        field = self.pages[name].locator("textarea")
        await field.fill(text)
        await field.press("Enter")

    async def until(self, name: str, condition: str, *, within: float = PATIENCE) -> None:
        """Wait until a JavaScript expression holds on the page. Raises NotSeen."""
        page = self.pages[name]
        end = asyncio.get_running_loop().time() + within
        while not await page.evaluate(f"Boolean(((companion, texts) => {condition})(window.companion, {_TEXTS}))"):
            if asyncio.get_running_loop().time() > end:
                shown = await page.evaluate("JSON.stringify([window.bubbles?.(), window.companion?.chat?.state])")
                raise NotSeen(
                    f"{name}: not within {within:g} s: {condition}; it shows {shown}; errors: {self.errors[name]}; "
                    f"console: {self.console[name][-5:]}"
                )
            await asyncio.sleep(0.05)

    async def shows(self, name: str, *texts: str) -> None:
        """Wait until the widget's bubbles are these. Raises NotSeen."""
        wanted = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
        await self.until(name, f"JSON.stringify(texts) === {json.dumps(wanted, ensure_ascii=False)}")

    async def eventually(self, what: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it does. Raises NotSeen."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not await holds():
            if asyncio.get_running_loop().time() > end:
                raise NotSeen(f"not within {PATIENCE:g} s: {what}")
            await asyncio.sleep(0.1)

    async def say(self, content: str, role: str = "assistant", **sender: Any) -> str:
        """Append a message, as a workflow or an operator's page does; returns its id."""
        answer = await self.call(
            "POST",
            "messages",
            {"content": content, "sender": {"role": role, **sender}, "client_id": f"lab-{next(self.numbers)}"},
        )
        return str(answer.json()["entry"]["message_id"])

    async def stored(self, content: str) -> str:
        """The id of the message that says this."""
        for message in await self.log():
            if message["content"] == content:
                return str(message["message_id"])
        raise NotSeen(f"{content!r} is not in the log")

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        """Call the service about the conversation, with n8n's key."""
        answer = await self._asked(method, f"/v1/conversations/{self.conversation}/{path}", body)
        if answer.status >= 300:
            raise NotSeen(f"{method} {path}: {answer.status} {answer.body.decode()[:500]}")
        return answer

    async def _asked(self, method: str, path: str, body: object) -> Answer:
        try:
            return await self.api.ask(method, path, body)
        except NoAnswer:  # the connection was to the service before it was killed
            return await self.api.ask(method, path, body)

    async def log(self) -> list[dict[str, Any]]:
        """The folded history."""
        found: list[dict[str, Any]] = (await self.call("GET", "messages?limit=100")).json()["messages"]
        return found

    async def agree(self) -> None:
        """Wait until every page that follows has come to the end of the log, and no widget waits."""
        head = (await self.call("GET", "events?limit=1")).json()["head"]
        for name, page in self.pages.items():
            if await page.evaluate("Boolean(window.companion?.chat)"):
                await self.until(name, f"companion.chat.state.seq === {head}")
            await self.until(name, f"!document.querySelector('{TYPING}')")

    async def verdict(self) -> list[str]:
        """What is wrong now."""
        shown = []
        for name, page in self.pages.items():
            bubbles, repeats = await page.evaluate("[window.bubbles(), window.seen.repeats]")
            own, lines = self.own.get(name, []), self.lines.get(name, 0)
            shown.append(Shown(name, bubbles, own, repeats, self.errors[name], self.console[name], lines))
        return violations(await self.log(), shown, self.repeated)

    async def close(self) -> None:
        """Close the pages."""
        for context in self.contexts:
            await context.close()


_NO_COMPANION = "data:text/javascript,export const attach = () => null"

_TEXTS = "window.bubbles ? bubbles().map(({ text }) => text) : []"

__all__ = ["PATIENCE", "TYPING", "Chats", "NotSeen", "Stage"]
