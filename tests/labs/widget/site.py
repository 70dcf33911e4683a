"""The web server of the pages, of another origin than the service's and n8n's: with the stock widget, unchanged."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

HERE = Path(__file__).parent
DOCUMENTED = HERE.parents[2] / "docs" / "how-to" / "n8n-widget.md"

WIDGET = "@n8n/chat@1.37.0"
INTEGRITY = "sha512-V1EQxDp/+rW6o/5OZgbwDfgPJXG8Jrn3TIdq7Z/26QTP90Uo3g2gv8CMnaQcphdTQVR+K06X34DOCRHXa8Tqnw=="
"""The widget is a tool of this test, under a licence of its own: it is neither kept in the repository nor shipped."""

_PAGE = re.compile(r"^```html\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CDN = re.compile(r"https://[\w.]+/npm/@n8n/chat@[\d.]+/dist")
_ADDRESSES = {
    "webhookUrl": re.compile(r'(?<=const webhookUrl = ")[^"]+'),
    "tokens": re.compile(r'(?<=const tokens = ")[^"]+'),
    "url": re.compile(r'(?<=const url = ")[^"]+'),
}


def documented_page(site: str, **addresses: str) -> str:
    """The page of the documentation as a reader copies it, with its addresses set."""
    found = _PAGE.search(DOCUMENTED.read_text("utf-8"))
    if found is None:
        raise ValueError(f"{DOCUMENTED} shows no page")
    page, changed = _CDN.subn(f"{site}/n8n-chat", found[1])
    for name, pattern in _ADDRESSES.items():
        page, times = pattern.subn(addresses[name], page)
        changed += times
    if changed != 5:
        raise ValueError(f"the page of {DOCUMENTED} has other addresses than it had")
    return page


@asynccontextmanager
async def served(port: int, widget: Path, documented: str) -> AsyncIterator[None]:
    """Serve the bare page, the documented one, and the widget's files from its package's folder."""

    async def bare(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(HERE / "page.html", headers={"Content-Type": "text/html; charset=utf-8"})

    async def copied(_: web.Request) -> web.StreamResponse:
        return web.Response(text=documented, content_type="text/html")

    async def script(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return web.FileResponse(widget / "dist" / name, headers={"Content-Type": kind})

    app = web.Application()
    app.router.add_get("/page.html", bare)
    app.router.add_get("/documented.html", copied)
    app.router.add_get(r"/n8n-chat/{name:[\w.-]+\.(?:m?js|css)}", script)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


__all__ = ["INTEGRITY", "WIDGET", "documented_page", "served"]
