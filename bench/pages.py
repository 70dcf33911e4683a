"""`make bench NAME=pages`: what the chat page transfers and how soon it is painted, beside n8n's chat widget.

Prints the table and writes it to `bench/RESULTS.md`. Exit code 2 without a browser. Both are loaded with an empty
cache, interleaved, in the system's Chromium; sizes are of what a reverse proxy sends with gzip.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import platform
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiohttp import web

from bench import results
from bench.cases import KEY, service
from tests.labs.kit.chromium import find_chromium
from tests.labs.kit.http1 import Connection
from tests.labs.widget.site import INTEGRITY, WIDGET
from tests.local_supabase.stack.npm import packed
from tests.ports import free_port

LOADS = 9

SHARE = 0.2
"""Of the widget's JavaScript and CSS; ours at most."""

LEVEL = 6
"""Of gzip: nginx's and zlib's own is between 1 and 6."""

CODE = {"script": "JavaScript", "stylesheet": "CSS"}

WIDGET_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>n8n's chat</title>
<link rel="stylesheet" href="/dist/style.css">
<div id="n8n-chat" style="height: 90vh"></div>
<script type="module">
  import { createChat } from "/dist/chat.bundle.es.js";
  const webhookUrl = location.origin + "/chat";
  createChat({ mode: "fullscreen", initialMessages: ["Hello."], loadPreviousSession: false, webhookUrl });
</script>
</html>"""


class Loaded(NamedTuple):
    """One load of a page."""

    bytes_by_kind: dict[str, int]
    """Compressed, of each kind of `CODE`."""
    largest: int
    """Compressed, of the largest script and all style sheets."""
    files: int
    first_paint: float
    """Milliseconds to the first contentful paint."""
    usable: float
    """Milliseconds until a person can write."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=LOADS, help="loads of each")
    parser.add_argument("--dry", action="store_true", help="printed and not written")
    options = parser.parse_args()
    if (chromium := find_chromium()) is None:
        return 2
    found = asyncio.run(_measured(chromium, options.runs))
    text = report(found)
    print(text)
    if not options.dry:
        results.write("pages", text)
    return 0


async def _measured(chromium: str, runs: int) -> dict[str, list[Loaded]]:
    from playwright.async_api import async_playwright

    widget = await asyncio.to_thread(packed, WIDGET, INTEGRITY)
    with service() as (port, _):
        token = await _token(port)
        pages = {OURS: f"http://127.0.0.1:{port}/c/bench?lang=en#token={token}"}
        async with _served(widget) as url, async_playwright() as playwright:
            pages[THEIRS] = url
            arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
            browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
            found: dict[str, list[Loaded]] = {name: [] for name in pages}
            for number in range(runs + 1):
                for name, address in pages.items():
                    one = await _load(browser, address)
                    if number:  # the first fills the caches of the system
                        found[name].append(one)
            await browser.close()
    return found


OURS, THEIRS = "the chat page", f"{WIDGET}, its bundle"


async def _token(port: int) -> str:
    api = Connection("127.0.0.1", port, key=KEY)
    try:
        answer = await api.ask(
            "POST", "/v1/tokens", {"conversation": "bench", "subject": "ada", "rights": ["read", "send"]}
        )
    finally:
        api.close()
    return str(answer.json()["token"])


async def _load(browser: Any, address: str) -> Loaded:
    """Load a page in a new browser."""
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    answers: list[Any] = []

    def answered(answer: Any) -> None:  # Playwright marks its handlers, which a built-in method does not take
        answers.append(answer)

    page.on("response", answered)
    await page.goto(address)
    await page.locator("textarea").first.wait_for()
    usable = await page.evaluate("() => performance.now()")
    await asyncio.sleep(1.0)  # for what is loaded after that
    first: float = await page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
    )
    sizes = dict.fromkeys(CODE.values(), 0)
    files = largest = 0
    for answer in answers:
        if (kind := CODE.get(answer.request.resource_type)) and answer.status == 200:
            size = len(gzip.compress(await answer.body(), LEVEL))
            sizes[kind] += size
            files += 1
            if kind == "JavaScript":
                largest = max(largest, size)
    await context.close()
    return Loaded(sizes, largest + sizes["CSS"], files, first, usable)


@asynccontextmanager
async def _served(widget: Any) -> AsyncIterator[str]:
    """The widget's page and files; nothing answers its webhook before a person writes."""

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text=WIDGET_PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_static("/dist", widget / "dist")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


def report(found: dict[str, list[Loaded]]) -> str:
    """The table as Markdown."""
    total = {name: sum(loads[0].bytes_by_kind.values()) for name, loads in found.items()}
    ratios = (
        ("the chat page ÷ n8n's widget", total[OURS] / total[THEIRS]),
        ("the chat page ÷ the widget's bundle without what it loads besides", total[OURS] / found[THEIRS][0].largest),
    )
    conditions = (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared with others. Chromium "
        f"with an empty cache, medians of {len(found[OURS])} interleaved loads over loopback; each file is compressed "
        f"by itself with gzip -{LEVEL}. What a page loads lazily is counted if it loads it for an empty conversation."
    )
    lines = [
        "## Pages",
        "",
        conditions,
        "",
        "| | files | JavaScript, gzipped | CSS, gzipped | together | first paint ms | can be written in, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, loads in found.items():
        sizes = loads[0].bytes_by_kind
        first = statistics.median(one.first_paint for one in loads)
        usable = statistics.median(one.usable for one in loads)
        lines.append(
            f"| {name} | {loads[0].files} | {sizes['JavaScript']:,} | {sizes['CSS']:,} | {total[name]:,} | "
            f"{first:.0f} | {usable:.0f} |"
        )
    lines += ["", "| JavaScript and CSS, gzipped | bar | measured |", "| --- | ---: | ---: |"]
    for name, share in ratios:
        lines.append(f"| {name} | ≤ {SHARE:g} | {share:.3f}{'' if share <= SHARE else ' (missed)'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
