"""Pictures of the pages for the documentation: wide and on a phone, light and dark, from right to left."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page

from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service

from .conversations import ARABIC, INBOX, ORDER, written
from .lab import Found, Lab
from .run import OPERATOR, Stage
from .states import VISITOR, answering

IMAGES = Path(__file__).parents[3] / "docs" / "images"
LARGEST = 150_000
"""Bytes of a picture."""

WIDE, PHONE = {"width": 1200, "height": 760}, {"width": 390, "height": 760}

CHATS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": PHONE, "device_scale_factor": 2},
    "phone-dark": {"viewport": PHONE, "device_scale_factor": 2, "color_scheme": "dark"},
    "rtl": {},
}
"""How the two pages are looked at."""


async def screenshots(lab: Lab) -> Found:
    """All of them, on a service of their own whose inbox has nothing else; one operator looks, in one session."""
    found = Found()
    for talk in INBOX:
        await written(lab.api, talk)
    session: Any = None
    for name, look in CHATS.items():
        stage = Stage(lab.service, lab.api, lab.browser, lab.key, (ARABIC if name == "rtl" else ORDER).conversation)
        query = "lang=en&dir=rtl" if name == "rtl" else "lang=en"
        try:
            chat = await stage.open(VISITOR, await stage.context(**{"viewport": WIDE, **look}), query=query)
            context = await stage.context(**{"viewport": WIDE, **look, "storage_state": session})
            inbox = await _inbox(stage, context, query, signed_in=session is not None)
            session = await context.storage_state()
            for which, page in (("chat", chat), ("inbox", inbox)):
                await _shown(stage, page)
                taken(await page.screenshot(), f"{which}-{name}", found)
        finally:
            await stage.close()
    await _embeds(lab, found)
    return found


async def _inbox(stage: Stage, context: BrowserContext, query: str, *, signed_in: bool) -> Page:
    page = await stage.page(OPERATOR, context)
    await page.goto(f"{stage.url}/inbox?{query}&c={stage.conversation}")
    if not signed_in:
        await stage.sign_in(page)
    return page


async def _shown(stage: Stage, page: Page) -> None:
    await page.locator("li.row.sent").last.wait_for()
    if stage.conversation == ORDER.conversation:
        await answering(stage)
        await page.locator("li.row.draft").first.wait_for()
    await asyncio.sleep(1.5)  # presence, and what is loaded late


async def _embeds(lab: Lab, found: Found) -> None:
    """The bubble, open on another site."""
    for name in ("light", "dark", "phone"):
        look = CHATS[name]
        stage = Stage(lab.service, lab.api, lab.browser, lab.key, ORDER.conversation)
        try:
            page = await stage.page(VISITOR, await stage.context(**{"viewport": WIDE, **look}))
            query = f"data-conversation={ORDER.conversation}&data-lang=en&data-open=true&data-title=Lindqvist"
            await page.goto(f"{lab.site}/?{query}")
            await page.locator("li.row.sent").last.wait_for()
            await asyncio.sleep(1.0)
            taken(await page.screenshot(), f"embed-{name}", found)
        finally:
            await stage.close()


async def front_page(server: str, browser: Any, folder: Path) -> Found:
    """The page that `make run` opens on: without keys, with the demo."""
    found = Found()
    service = Service(server, folder)
    await service.start()
    api = Connection(service.host, service.port)
    try:
        for look in ("light", "dark"):
            context = await browser.new_context(
                viewport={"width": 1440, "height": 860}, color_scheme=look, locale="en-GB"
            )
            page = await context.new_page()
            await page.goto(f"http://{service.host}:{service.port}/")
            for text in ("Where is my order?", "Can a person call me about it?"):
                await _asked(page, text)
            taken(await page.screenshot(), f"front-{look}", found)
            await context.close()
    finally:
        api.close()
        await service.stop()
    return found


async def _asked(page: Page, text: str) -> None:
    """The first visitor asks, and the assistant is half through its answer."""
    visitor = page.locator(".umbral-chat").first
    await visitor.locator("li.row.sent").first.wait_for()
    answers = await visitor.locator("li.row.assistant.sent").count()
    await visitor.locator("textarea").fill(text)
    await visitor.locator("textarea").press("Enter")
    await visitor.locator("li.row.draft").or_(visitor.locator("li.row.assistant.sent").nth(answers)).first.wait_for()
    await asyncio.sleep(1.2)


def taken(png: bytes, name: str, found: Found) -> None:
    """Write a picture with a palette of 256 colours, which is a third as large and looks alike."""
    from PIL import Image

    IMAGES.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        path = IMAGES / f"{name}.png"
        small.save(path, optimize=True)
    size = path.stat().st_size
    found.figures[f"docs/images/{name}.png"] = f"{size / 1000:.0f} kB"
    if size > LARGEST:
        found.violations.append(f"docs/images/{name}.png has {size:,} bytes, at most {LARGEST:,}")


__all__ = ["front_page", "screenshots"]
