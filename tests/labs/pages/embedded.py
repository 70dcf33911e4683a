"""The chat on another site by one script tag: under its strict policy, untouched by its styles, by keyboard."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.labs.kit.chat_pages import NotSeen

from .accessibility import judged
from .lab import Found, Lab
from .run import Stage
from .verdict import shifted

LOOKS = """() => {
  const wanted = __all(".umbral-chat textarea, .umbral-chat .body, [aria-controls=panel]");
  const names = ["fontSize", "letterSpacing", "textTransform", "borderTopColor", "display"];
  return wanted.map((one) => names.map((name) => getComputedStyle(one)[name]).join());
}"""
"""How parts of the chat look, which is to be the same whatever the page's styles are."""


async def embedded(lab: Lab) -> Found:
    """A visitor opens the bubble, writes, is answered, and closes it; the page is as it was."""
    found = Found()
    looks = []
    for path in ("/", "/spoiling"):
        async with lab.stage("embed") as stage:
            page = await _opened(stage, f"{lab.site}{path}")
            await _written(stage, page)
            looks.append(await page.evaluate(LOOKS))
            found.violations += [f"the embed on {path}: {one}" for one in await _judged(stage, page, path)]
            await _closed(page)
            await stage.say()
            await page.locator("[aria-controls=panel] .count", has_text="1").wait_for()
    if looks[0] != looks[1]:
        found.violations.append(f"the page's styles change the chat: {looks[0]} is {looks[1]}")
    return found


async def _opened(stage: Stage, address: str) -> Page:
    """By keyboard, from a link of the page."""
    context = await stage.context()
    page = await stage.page("ada", context)
    await page.goto(f"{address}?data-conversation={stage.conversation}&data-lang=en")
    launch = page.locator("[aria-controls=panel]")
    await launch.wait_for()
    await page.locator("#elsewhere").focus()
    await page.keyboard.press("Tab")
    if not await launch.evaluate("(one) => one.getRootNode().activeElement === one"):
        raise NotSeen("Tab does not lead from the page to the bubble")
    await page.keyboard.press("Enter")
    await stage.composer("ada").wait_for()
    return page


async def _written(stage: Stage, page: Page) -> None:
    if not await stage.composer("ada").evaluate("(one) => one.getRootNode().activeElement === one"):
        raise NotSeen("the composer has no focus after the bubble was opened")
    await page.keyboard.type("from another site")
    await page.keyboard.press("Enter")
    await page.locator("li.row.sent", has_text="from another site").wait_for()
    answer = await stage.say()
    await page.locator("li.row.sent", has_text=answer).wait_for()


async def _judged(stage: Stage, page: Page, path: str) -> list[str]:
    seen: dict[str, Any] = await page.evaluate("() => __seen")
    refused = [f"the page's policy refused {one['directive']} {one['blocked']}" for one in seen["refused"]]
    axe = [] if path == "/spoiling" else await judged(page)
    return [*refused, *axe, *shifted("ada", await stage.shifts("ada")), *stage.opened["ada"].errors]


async def _closed(page: Page) -> None:
    """Escape closes it, and the focus is where it was."""
    await page.keyboard.press("Escape")
    await page.locator("#panel").wait_for(state="hidden")
    launch = page.locator("[aria-controls=panel]")
    if not await launch.evaluate("(one) => one.getRootNode().activeElement === one"):
        raise NotSeen("after Escape the focus is not on the bubble")


__all__ = ["embedded"]
