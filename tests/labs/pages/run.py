"""The state of one run: the service, the browser, and the pages that are open, read by what is on their screens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page

from tests.labs.kit.chat_pages import NotSeen
from tests.labs.kit.http1 import Answer, Connection, NoAnswer
from tests.labs.kit.service import Service

from .verdict import Noticed, Shown, foreign, violations

PATIENCE = 45.0
"""Seconds until a page must show something. A climb to a better edge may take 15 s, a reconnect 30 s of back-off."""

INSTRUMENT = Path(__file__).with_name("instrument.js")

ROW = ".umbral-chat li.row"
"""A message, a draft or the end of a run, in the list."""

OPERATOR = "olga"
"""Whose page is the inbox."""


@dataclass
class Opened:
    """A page, and what was noticed of it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    navigated: list[str] = field(default_factory=list)
    streams: list[Any] = field(default_factory=list)
    """WebSockets that are open."""


@dataclass
class Stage:
    """A conversation of its own, its pages, and what was sent in it."""

    service: Service
    api: Connection
    browser: Browser
    key: str
    """Of the operators."""
    conversation: str
    operator: bool = False
    """Whether the first page that is opened brings an operator's inbox with it."""
    sent: list[str] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)
    opened: dict[str, Opened] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    @property
    def url(self) -> str:
        """Of the service."""
        return f"http://{self.service.host}:{self.service.port}"

    async def context(self, **options: Any) -> BrowserContext:
        """Another browser, as it were: storage, locks and network of its own."""
        context = await self.browser.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Berlin", **options})
        await context.add_init_script(path=INSTRUMENT)
        self.contexts.append(context)
        return context

    async def page(self, name: str, context: BrowserContext) -> Page:
        """An empty page, of which errors, sockets and requests are noted."""
        page = await context.new_page()
        one = self.opened[name] = Opened(page)
        page.on("pageerror", lambda error: one.errors.append(str(error)))
        page.on("request", lambda request: self._asked(one, request.url))
        page.on("popup", lambda popup: one.navigated.append(f"a new window: {popup.url}"))
        page.on("dialog", lambda dialog: self._dialog(one, dialog))
        page.on("websocket", lambda socket: self._socket(one, socket))
        page.on("framenavigated", lambda frame: self._navigated(one, frame))
        self.pages[name] = page
        return page

    def _asked(self, one: Opened, url: str) -> None:
        if foreign(url, self.url):
            one.foreign.append(url)

    def _dialog(self, one: Opened, dialog: Any) -> None:
        one.errors.append(f"a dialog: {dialog.type} {dialog.message}")
        task = asyncio.ensure_future(dialog.dismiss())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _socket(self, one: Opened, socket: Any) -> None:
        self._asked(one, socket.url)
        one.streams.append(socket)

        def closed(_: Any) -> None:  # Playwright marks its handlers, which a built-in method does not take
            one.streams.remove(socket)

        socket.on("close", closed)

    def _navigated(self, one: Opened, frame: Any) -> None:
        if frame.parent_frame is None and frame.url != "about:blank" and foreign(frame.url, self.url):
            one.navigated.append(frame.url)

    async def open(
        self, name: str, context: BrowserContext, *, clock: bool = False, query: str = "lang=en", wait: bool = True
    ) -> Page:
        """Open the chat page as the visitor `name`, or the inbox where that is the operator's; wait until it is
        connected."""
        if name.partition("/")[0] == OPERATOR:
            return await self.open_inbox(name, context, query=query)
        page = await self.page(name, context)
        if clock:
            await page.clock.install()
        token = await self.token(name.partition("/")[0])
        await page.goto(f"{self.url}/c/{self.conversation}?{query}#token={token}")
        if wait:
            await self.pushed(name)
        if self.operator and OPERATOR not in self.pages:
            await self.open_inbox(OPERATOR, await self.context())
        return page

    async def open_inbox(self, name: str, context: BrowserContext, *, query: str = "lang=en") -> Page:
        """Sign in as an operator, on the page itself, and open the conversation."""
        page = await self.page(name, context)
        await page.goto(f"{self.url}/inbox?{query}&c={self.conversation}")
        await self.sign_in(page)
        await self.pushed(name)
        return page

    async def sign_in(self, page: Page, *, name: str = "Olga Petrova") -> None:
        """Fill in the form, and send it."""
        key = page.locator("input[type=password]")
        await key.wait_for()
        await page.get_by_label("Your name").fill(name)
        await key.fill(self.key)
        await key.press("Enter")
        await key.wait_for(state="hidden")

    async def token(self, person: str, rights: tuple[str, ...] = ("read", "send")) -> str:
        """A visitor's token, as n8n asks for one."""
        body = {"conversation": self.conversation, "subject": person, "name": person.capitalize(), "rights": rights}
        answer = await self.api.ask("POST", "/v1/tokens", body)
        if answer.status != 201:
            raise NotSeen(f"no token: {answer.status} {answer.body.decode()[:300]}")
        return str(answer.json()["token"])

    def composer(self, name: str) -> Locator:
        """The field in which the person writes."""
        return self.pages[name].locator(".umbral-chat textarea").first

    async def screen(self, name: str) -> dict[str, Any]:
        """What a person sees on a page."""
        found: dict[str, Any] = await self.pages[name].evaluate("() => __screen()")
        return found

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]], *, within: float = PATIENCE) -> None:
        """Wait until it does. Raises NotSeen with what the pages show."""
        end = asyncio.get_running_loop().time() + within
        while not await holds():
            if asyncio.get_running_loop().time() > end:
                raise NotSeen(f"not within {within:g} s: {what}; {await self._screens()}")
            await asyncio.sleep(0.05)

    async def _screens(self) -> str:
        said = []
        for name in self.pages:
            screen = await self.screen(name)
            last = [f"{one['delivery']} {one['text'][:40]!r}" for one in screen["messages"][-3:]]
            said.append(
                f"{name} ({screen['connection']}, {len(self.opened[name].streams)} sockets, {len(screen['messages'])} "
                f"messages, last {', '.join(last)}, errors {self.opened[name].errors[-3:]})"
            )
        return "; ".join(said)[:2500]

    async def connection(self, name: str, *states: str, within: float = PATIENCE) -> None:
        """Wait until the page says that its connection is in one of these states."""

        async def holds() -> bool:
            return (await self.screen(name))["connection"] in states

        await self.until(f"{name} says {' or '.join(states)}", holds, within=within)

    async def connected(self, name: str) -> None:
        """Wait until it is connected."""
        await self.connection(name, "open", "polling")

    async def offline(self, name: str) -> None:
        """Wait until its screen says so."""
        await self.connection(name, "offline")

    async def disconnected(self, name: str) -> None:
        """Wait until its screen says so."""
        await self.connection(name, "connecting", "waiting", "offline", "closed")

    def _sockets(self, name: str) -> int:
        browser = self.pages[name].context
        return sum(len(one.streams) for one in self.opened.values() if one.page.context == browser)

    async def polling(self, name: str) -> None:
        """Wait until it is connected, and neither it nor another tab of its browser has a WebSocket."""

        async def holds() -> bool:
            return (await self.screen(name))["connection"] == "polling" and self._sockets(name) == 0

        await self.until(f"{name} polls", holds)

    async def pushed(self, name: str) -> None:
        """Wait until it is connected, and it or another tab of its browser has a WebSocket."""

        async def holds() -> bool:
            return (await self.screen(name))["connection"] == "open" and self._sockets(name) > 0

        await self.until(f"{name} is connected by a WebSocket", holds, within=60.0)

    async def leads(self, name: str) -> bool:
        """Whether this tab has the WebSocket."""
        return bool(self.opened[name].streams)

    async def shows(self, name: str, messages: int) -> None:
        """Wait until it shows as many messages."""

        async def holds() -> bool:
            return len(await self._stored(name)) == messages

        await self.until(f"{name} shows {messages} messages", holds)

    async def shows_text(self, name: str, text: str, *, within: float = PATIENCE) -> None:
        """Wait until the page has this text anywhere."""
        wanted = " ".join(text.split())

        async def holds() -> bool:
            return wanted in " ".join((await self.pages[name].locator("body").inner_text()).split())

        await self.until(f"{name} shows {text!r}", holds, within=within)

    async def shows_draft(self, name: str, text: str | None) -> None:
        """Wait until it shows this text as being written, or nothing that is."""
        wanted = [] if text is None else [" ".join(text.split())]

        async def holds() -> bool:
            shown = [one["text"] for one in (await self.screen(name))["messages"] if one["delivery"] == "draft"]
            return [" ".join(one.split()) for one in shown] == wanted

        await self.until(f"{name} shows the draft {text!r}", holds)

    async def _stored(self, name: str) -> list[dict[str, Any]]:
        return [one for one in (await self.screen(name))["messages"] if one["delivery"] != "draft"]

    async def act(self, name: str, text: str, action: str) -> None:
        """Point at the message with this text, and click a button of the bar that is shown there."""
        row = self.pages[name].locator(ROW, has_text=text).last
        await row.hover(force=True)  # the bar of another message may be over it
        await row.get_by_role("button", name=exactly(action)).click()

    async def write(self, name: str, content: str) -> None:
        """Let the person of a page type a message, and send it."""
        field = self.composer(name)
        await field.fill(content)
        if await self.pages[name].evaluate("() => matchMedia('(pointer: coarse)').matches"):
            await self.pages[name].locator(".umbral-chat .send").first.tap()  # there Enter is a new line
        else:
            await field.press("Enter")

    async def send(self, name: str) -> str:
        """Let the person of a page send the next message."""
        content = f"{name} {next(self.numbers)}"
        self.sent.append(content)
        await self.write(name, content)
        return content

    async def say(self, **more: Any) -> str:
        """Let n8n send one. It is sent again, with its key, until it is answered."""
        content = f"n8n {next(self.numbers)}"
        self.sent.append(content)
        await self.ask(
            "POST", "messages", {"content": content, "client_id": content, "sender": {"role": "assistant"}, **more}
        )
        return content

    async def draft(self, message_id: str, offset: int, text: str) -> None:
        """Let n8n write a piece of a message."""
        body = {"message_id": message_id, "offset": offset, "text": text, "sender": {"role": "assistant"}}
        await self.ask("POST", "drafts", body)

    async def ask(self, method: str, path: str, body: object = None, *, conversation: str | None = None) -> Answer:
        """Ask the service about the conversation, until it answers."""
        whole = f"/v1/conversations/{conversation or self.conversation}"
        for _ in range(100):
            try:
                answer = await self.api.ask(method, f"{whole}/{path}" if path else whole, body)
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

    async def log(self) -> list[dict[str, Any]]:
        """The folded history."""
        found: list[dict[str, Any]] = (await self.ask("GET", "messages?limit=200")).json()["messages"]
        return found

    async def agree(self) -> None:
        """Wait until all that pages sent is stored, and every page shows the end of the log. The verdict says whether
        what it shows is right."""
        for name in self.pages:

            async def settled(name: str = name) -> bool:
                return all(one["delivery"] == "sent" for one in await self._stored(name))

            await self.until(f"{name} shows nothing pending", settled)
        log = await self.log()
        for name in self.pages:

            async def at_the_end(name: str = name) -> bool:
                shown = [one for one in await self._stored(name) if not one["note"]]
                return len(shown) == len(log) and not violations(log[-1:], [Shown(name, shown[-1:])], [])

            await self.until(f"{name} shows the end of the log", at_the_end)

    async def verdict(self) -> list[str]:
        """What is wrong now on the screens."""
        shown = [Shown(name, await self._stored(name), self.opened[name].errors) for name in self.pages]
        return violations(await self.log(), shown, self.sent)

    async def noticed(self, name: str) -> Noticed:
        """What a page tried that it must not."""
        page, one = self.pages[name], self.opened[name]
        seen = await page.evaluate("() => __seen")
        return Noticed(
            name, seen["ran"], one.foreign, seen["refused"], await page.evaluate("() => __unsafe()"), one.navigated
        )

    async def shifts(self, name: str) -> list[dict[str, Any]]:
        """The layout shifts of a page since it was loaded."""
        found: list[dict[str, Any]] = await self.pages[name].evaluate("() => __seen.shifts")
        return found

    async def close(self) -> None:
        """Close the pages."""
        for context in self.contexts:
            await context.close()


def exactly(text: str) -> re.Pattern[str]:
    """A name that is this text, whatever its case."""
    return re.compile(rf"^\s*{re.escape(text)}\s*$", re.IGNORECASE)


__all__ = ["OPERATOR", "PATIENCE", "ROW", "Opened", "Stage", "exactly"]
