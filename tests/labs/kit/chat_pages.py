"""What happens to pages that show a conversation, whatever they look like: reloads, outages, sleep, tabs that close.

Each scenario is done with the pages of a stage, and leaves them to it to judge. A lab says what its pages are, and how
it sees what they show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from .service import Service

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

TEN_MINUTES = 600_000
"""Milliseconds, of the page's clock."""


class NotSeen(Exception):
    """A page did not come to show what it should."""


class Pages(Protocol):
    """The pages of one conversation, by the name of whoever looks at them: `ada`, or `ada/0` where one person has
    several tabs. Every wait raises NotSeen when it takes too long."""

    service: Service
    sent: list[str]
    """The contents that pages and programs sent, each once."""
    pages: dict[str, Page]

    async def context(self) -> BrowserContext:
        """Another browser, as it were: storage, locks and network of its own."""
        ...

    async def open(self, name: str, context: BrowserContext, *, clock: bool = False) -> Page:
        """Open the page, with a clock that can be moved if need be, and wait until it is connected by its best edge."""
        ...

    async def connected(self, name: str) -> None:
        """Wait until it is."""
        ...

    async def offline(self, name: str) -> None:
        """Wait until it knows that it has no network."""
        ...

    async def disconnected(self, name: str) -> None:
        """Wait until it knows that it is not connected."""
        ...

    async def polling(self, name: str) -> None:
        """Wait until it is connected by polls."""
        ...

    async def pushed(self, name: str) -> None:
        """Wait until it is connected by its best edge again, which may take a minute."""
        ...

    async def shows(self, name: str, messages: int) -> None:
        """Wait until it shows as many messages."""
        ...

    async def shows_draft(self, name: str, text: str | None) -> None:
        """Wait until it shows this text as being written; None: nothing that is being written."""
        ...

    async def leads(self, name: str) -> bool:
        """Whether this tab holds the connection for the others of its browser."""
        ...

    async def send(self, name: str) -> str:
        """Let the person of a page send a message, whose content is returned."""
        ...

    async def say(self) -> str:
        """Let n8n send one."""
        ...

    async def draft(self, message_id: str, offset: int, text: str) -> None:
        """Let n8n write a piece of a message."""
        ...

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the service about the conversation, until it answers."""
        ...

    async def toggle(self, enabled: bool) -> None:
        """Switch realtime."""
        ...

    async def agree(self) -> None:
        """Wait until all that pages sent is stored, and every page shows the end of the log."""
        ...


async def two_clients(stage: Pages) -> None:
    """Two people and n8n write at the same time."""
    await stage.open("ada", await stage.context())
    await stage.open("ben", await stage.context())
    for _ in range(8):
        await asyncio.gather(stage.send("ada"), stage.send("ben"), stage.say())


async def reload_within_a_draft(stage: Pages) -> None:
    """The page is loaded again while an answer is being written, and before its own message is stored."""
    await stage.open("ada", await stage.context())
    text = "".join(f"piece {number} 🔎 " for number in range(12))
    pieces = [text[at : at + 15] for at in range(0, len(text), 15)]
    offset = 0
    for number, piece in enumerate(pieces):
        await stage.draft("answer", offset, piece)
        offset += len(piece)
        if number == len(pieces) // 2:
            await stage.send("ada")
            await stage.pages["ada"].reload()
            await stage.connected("ada")
    await stage.shows_draft("ada", text)
    stage.sent.append(text)
    body = {"content": text, "message_id": "answer", "sender": {"role": "assistant"}}
    await stage.ask("POST", "messages", body)
    await stage.shows_draft("ada", None)
    await stage.shows("ada", 2)


async def network_off_and_on(stage: Pages) -> None:
    """One of two people loses the network, and both go on writing."""
    off = await stage.context()
    await stage.open("ada", off)
    await stage.open("ben", await stage.context())
    await off.set_offline(True)
    await stage.offline("ada")
    for _ in range(3):
        await stage.send("ada")
        await stage.send("ben")
        await stage.say()
    await stage.shows("ben", 6)
    await off.set_offline(False)


async def service_killed(stage: Pages) -> None:
    """The service is killed and started again; what people write meanwhile is sent then."""
    await stage.open("ada", await stage.context())
    await stage.open("ben", await stage.context())
    await stage.send("ada")
    await stage.say()
    await stage.service.kill()
    await stage.send("ada")
    await stage.send("ben")
    await stage.disconnected("ben")
    await asyncio.sleep(3.0)  # so that tries fail, and pauses grow
    await stage.service.start()
    await stage.say()


async def realtime_off_and_on(stage: Pages) -> None:
    """The operator switches realtime off: pages poll, and stream again when it is on."""
    # Of the edges that the page may use, polls must be, or it has none while realtime is off.
    await stage.open("ada", await stage.context())
    await stage.open("ben", await stage.context())
    await stage.toggle(False)
    try:
        for name in ("ada", "ben"):
            await stage.polling(name)
        await stage.send("ada")
        await stage.say()
        await stage.agree()
    finally:
        await stage.toggle(True)
    for name in ("ada", "ben"):
        await stage.pushed(name)
    await stage.send("ben")


async def asleep(stage: Pages) -> None:
    """A tab sleeps for ten minutes: no timer of it runs, and its connections are cut."""
    sleeper = await stage.context()
    page = await stage.open("ada", sleeper, clock=True)
    await stage.open("ben", await stage.context())
    await stage.send("ada")
    await page.clock.pause_at(await page.evaluate("new Date(Date.now() + 1000).toISOString()"))
    await sleeper.set_offline(True)
    for _ in range(3):
        await stage.send("ben")
        await stage.say()
    await sleeper.set_offline(False)
    await page.clock.fast_forward(TEN_MINUTES)
    await page.clock.resume()
    await stage.send("ada")


async def leader_closed(stage: Pages) -> None:
    """Three tabs of one person share a connection; the one that holds it is closed."""
    browser = await stage.context()
    tabs = [f"ada/{number}" for number in range(3)]
    for name in tabs:
        await stage.open(name, browser)
    await stage.open("ben", await stage.context())
    leaders = [name for name in tabs if await stage.leads(name)]
    if len(leaders) != 1:
        raise NotSeen(f"the leaders of three tabs are {leaders}")
    (leader,) = leaders
    others = [name for name in tabs if name != leader]
    await stage.send(others[0])
    await stage.send("ben")
    await stage.agree()
    await stage.send(leader)
    await stage.pages.pop(leader).close()
    await stage.say()
    await stage.send(others[1])
    await stage.agree()
    leaders = [name for name in others if await stage.leads(name)]
    if len(leaders) != 1:
        raise NotSeen(f"after the leader was closed the leaders are {leaders}")


TRANSITIONS: Mapping[str, Callable[[Pages], Awaitable[None]]] = {
    "two-clients": two_clients,
    "reload": reload_within_a_draft,
    "network": network_off_and_on,
    "killed": service_killed,
    "toggle": realtime_off_and_on,
    "asleep": asleep,
    "leader": leader_closed,
}
"""By name, in the order in which they run."""

__all__ = ["TRANSITIONS", "NotSeen", "Pages"]
