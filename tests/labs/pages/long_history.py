"""A conversation of thousands of messages: how soon it is there, how smoothly it scrolls, and whether it ever jumps."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Page

from tests.labs.kit.chat_pages import NotSeen

from .conversations import history
from .lab import Found, Lab
from .run import Stage
from .verdict import shifted

MESSAGES, IN_SHORT = 5_000, 600
LOADS = 7
"""Of the page, in a new browser each, of which the medians are taken."""

JUMP = 1.0
"""Pixels that what the reader looks at may move while history is loaded above it."""

PATIENCE = 300.0
"""Seconds until all of it was scrolled through."""

ANCHORED = """async () => {
  const scroller = document.querySelector(".umbral-chat .scroller");
  const top = () => scroller.getBoundingClientRect().top;
  const bubbles = () => [...document.querySelectorAll("li.row.sent .bubble")];
  const first = () => bubbles().find((one) => one.getBoundingClientRect().bottom > top() + 4);
  const rendered = () => parseInt(document.querySelector("li.row.sent .body").textContent);
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const before = rendered();
  scroller.scrollTop = Math.min(scroller.scrollTop, 40);
  const anchor = first();
  const at = anchor.getBoundingClientRect().top;
  let worst = 0, more = 0;
  const end = performance.now() + 20000;
  while (more < 30 && performance.now() < end) {
    await frame();
    worst = Math.max(worst, anchor.isConnected ? Math.abs(anchor.getBoundingClientRect().top - at) : Infinity);
    if (rendered() < before) more += 1;
  }
  return { loaded: before - rendered(), moved: worst, left: rendered() };
}"""
"""Goes near the top, and looks in each frame where the first message in view is, until earlier ones are there."""


async def long_history(lab: Lab) -> Found:
    """First paint, the newest message, scrolling through all of it, and the reader's place while it loads."""
    found = Found()
    async with lab.stage("history") as stage:
        messages = IN_SHORT if lab.short else MESSAGES
        await history(stage.api, stage.conversation, messages)
        paints, shown = [], []
        for _ in range(2 if lab.short else LOADS):
            page, first, newest = await _load(stage, f"{messages - 1}: ")
            paints.append(first)
            shown.append(newest)
            found.violations += shifted("ada", await stage.shifts("ada"))
            await page.context.close()
        found.measured(f"first paint of {messages:,} messages", paints)
        found.measured("the newest of them on the screen", shown)
        page, *_ = await _load(stage, f"{messages - 1}: ")
        await _place_kept(page, found)
        await _scrolled(page, found)
        found.violations += shifted("ada, scrolling up", await stage.shifts("ada"))
        found.violations += stage.opened["ada"].errors
    return found


async def _load(stage: Stage, newest: str) -> tuple[Page, float, float]:
    """A page in a new browser; milliseconds to its first paint, and to the frame that shows the newest message."""
    context = await stage.context()
    await context.add_init_script(f"__expect({newest!r})")
    page = await stage.open("ada", context, wait=False)
    end = asyncio.get_running_loop().time() + 60
    while (at := await page.evaluate("(text) => __painted(text)", newest)) is None:
        if asyncio.get_running_loop().time() > end:
            raise NotSeen(f"{newest!r} was not painted")
        await asyncio.sleep(0.02)
    times: dict[str, float] = await page.evaluate(
        """() => ({ origin: performance.timeOrigin,
                    first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN })"""
    )
    await stage.connected("ada")
    return page, times["first"], at - times["origin"]


async def _place_kept(page: Page, found: Found) -> None:
    """Earlier messages are loaded above the reader, a few times."""
    jumps: list[float] = []
    for _ in range(4):
        seen: dict[str, Any] = await page.evaluate(ANCHORED)
        if not seen["loaded"]:
            raise NotSeen(f"no earlier messages were loaded at the top: the first is {seen['left']}")
        jumps.append(seen["moved"])
    found.figures["the reader's place, while history is loaded above it"] = f"moves {max(jumps):.1f} px at most"
    if max(jumps) > JUMP:
        found.violations.append(f"the reader's place jumped by {jumps} px while history was loaded above it")


async def _scrolled(page: Page, found: Found) -> None:
    """With the wheel to the first message."""
    box = await page.locator(".umbral-chat .scroller").first.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    frames = await page.evaluate_handle("() => __frames()")
    loop = asyncio.get_running_loop()
    began, end = loop.time(), loop.time() + PATIENCE
    while not await page.evaluate("() => document.querySelector('li.row.sent .body').textContent.startsWith('0: ')"):
        await page.mouse.wheel(0, -3000)
        await asyncio.sleep(0.02)
        if loop.time() > end:
            raise NotSeen(f"the first message was not reached within {PATIENCE:g} s of scrolling")
    lengths: list[float] = await frames.evaluate("(stop) => stop()")
    found.figures["scrolling to the first message"] = f"{loop.time() - began:.1f} s"
    found.measured("a frame while scrolling", lengths)


__all__ = ["long_history"]
