"""The states that a person may find the pages in, each brought about as it comes about."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import BrowserContext, Page, Route

from .run import OPERATOR, Stage

VISITOR = "ada"
"""Who looks at the chat page; in the conversations, too."""

ANSWER = (
    "The parcel is with the courier again. Here is what you can do:\n\n1. **wait** until tomorrow, between 9 and 11,\n"
    "2. or let it be brought to a shop near you"
)
"""What is written so far of an answer."""

State = Callable[[Stage, BrowserContext, str], Awaitable[Page]]
"""Opens the page of a stage, whose conversation has its messages, with the given query, in this state."""


async def history(stage: Stage, context: BrowserContext, query: str) -> Page:
    """Messages of several days."""
    page = await stage.open(VISITOR, context, query=query)
    await page.locator("li.row.sent").last.wait_for()
    return page


async def empty(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A conversation in which nothing was said yet."""
    stage.conversation = f"empty-{stage.conversation}"
    return await stage.open(VISITOR, context, query=query)


async def growing(stage: Stage, context: BrowserContext, query: str) -> Page:
    """An assistant looks something up and writes, and a colleague types."""
    page = await history(stage, context, query)
    await answering(stage)
    await page.locator("li.row.draft").wait_for()
    return page


async def answering(stage: Stage) -> None:
    """A run with its progress, a draft, and somebody who types."""
    sender = {"role": "assistant", "id": "nova", "name": "Nova"}
    await stage.ask("POST", "runs", {"run_id": "lookup", "sender": sender})
    await stage.ask("POST", "runs/lookup/progress", {"state": "tool", "label": "Looking up the order", "ttl": 120})
    await stage.ask("POST", "drafts", {"message_id": "growing", "offset": 0, "text": ANSWER, "sender": sender})
    await stage.ask("POST", "typing", {"sender": {"role": "agent", "id": "bo", "name": "Bo Nakamura"}, "seconds": 60})


async def failed(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A message that the service refused."""
    page = await history(stage, context, query)
    await page.route("**/messages", refuse)
    await stage.write(VISITOR, "Could you call me back this afternoon?")
    await page.locator("li.row.failed").wait_for()
    return page


async def refuse(route: Route) -> None:
    """Answer a send with a problem."""
    problem: dict[str, Any] = {
        "status": 422,
        "code": "content_too_long",
        "title": "Refused",
        "detail": "It is too long.",
    }
    if route.request.method == "POST":
        await route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))
    else:
        await route.continue_()


async def offline(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A device without network, and a message that waits for it."""
    page = await history(stage, context, query)
    await context.set_offline(True)
    await stage.offline(VISITOR)
    await stage.write(VISITOR, "Are you still there?")
    await page.locator("li.row.pending").wait_for()
    return page


async def without_token(stage: Stage, context: BrowserContext, query: str) -> Page:
    """The bare address, which is not enough."""
    page = await stage.page(VISITOR, context)
    await page.goto(f"{stage.url}/c/{stage.conversation}?{query}")
    await page.locator(".gate").wait_for()
    return page


async def deleted(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A conversation that is deleted while it is open."""
    page = await history(stage, context, query)
    await stage.ask("DELETE", "")
    await stage.shows_text(VISITOR, "deleted")
    return page


async def closed(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A conversation that an operator closed."""
    page = await history(stage, context, query)
    await stage.ask("PATCH", "", {"status": "closed"})
    await page.get_by_placeholder("closed").wait_for()
    return page


async def editing(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A message of one's own, being edited."""
    page = await history(stage, context, query)
    await stage.write(VISITOR, "One more thing: the dor code is 1492.")
    await page.locator("li.row.sent", has_text="1492").wait_for()
    await stage.act(VISITOR, "1492", "Edit")
    return page


async def removing(stage: Stage, context: BrowserContext, query: str) -> Page:
    """The question whether a message is to be removed."""
    page = await history(stage, context, query)
    await stage.write(VISITOR, "My card number is 4000 1234.")
    await page.locator("li.row.sent", has_text="4000").wait_for()
    await stage.act(VISITOR, "4000", "Remove")
    return page


async def sign_in(stage: Stage, context: BrowserContext, query: str) -> Page:
    """The inbox of one who is not signed in."""
    page = await stage.page(OPERATOR, context)
    await page.goto(f"{stage.url}/inbox?{query}")
    await page.locator("input[type=password]").wait_for()
    return page


async def listed(stage: Stage, context: BrowserContext, query: str) -> Page:
    """The list, with no conversation open."""
    page = await sign_in(stage, context, query)
    await stage.sign_in(page)
    await page.locator("[data-conversation]").first.wait_for()
    return page


async def nothing_found(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A search without a result."""
    page = await listed(stage, context, query)
    await page.get_by_role("searchbox").fill("no such conversation")
    await page.locator("[data-conversation]").first.wait_for(state="detached")
    return page


async def opened(stage: Stage, context: BrowserContext, query: str) -> Page:
    """A conversation in the inbox, while an answer is being written."""
    page = await stage.open_inbox(OPERATOR, context, query=query)
    await page.locator("li.row.sent").last.wait_for()
    await answering(stage)
    await page.locator("li.row.draft").wait_for()
    return page


async def noted(stage: Stage, context: BrowserContext, query: str) -> Page:
    """Notes between the messages, and the next one being written."""
    await stage.ask(
        "POST",
        "messages",
        {
            "content": "She is a customer since 2019, so the second delivery is free.",
            "sender": {"role": "agent", "id": "bo", "name": "Bo Nakamura"},
        },
        conversation=f"internal:{stage.conversation}",
    )
    page = await stage.open_inbox(OPERATOR, context, query=query)
    await page.locator("li.row.sent").last.wait_for()
    await page.locator(".composer label", has_text="Note").click()
    await stage.composer(OPERATOR).fill("I call the courier at three.")
    return page


async def shortcuts(stage: Stage, context: BrowserContext, query: str) -> Page:
    """The help on the keyboard."""
    page = await listed(stage, context, query)
    await page.keyboard.press("?")
    await page.get_by_role("dialog").wait_for()
    return page


CHAT_STATES: dict[str, State] = {
    "history": history,
    "empty": empty,
    "a growing answer": growing,
    "a failed message": failed,
    "offline": offline,
    "without a token": without_token,
    "deleted": deleted,
    "closed": closed,
    "editing": editing,
    "removing": removing,
}
"""Of the chat page."""

INBOX_STATES: dict[str, State] = {
    "sign-in": sign_in,
    "the list": listed,
    "nothing found": nothing_found,
    "a conversation": opened,
    "notes": noted,
    "the shortcuts": shortcuts,
}
"""Of the inbox."""

__all__ = ["CHAT_STATES", "INBOX_STATES", "VISITOR", "State", "answering", "refuse"]
