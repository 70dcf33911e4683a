"""A site of another origin that has the chat by one script tag, with a strict policy and styles that would spoil it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from urllib.parse import parse_qs

from aiohttp import web

from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service

from .conversations import asked

SPOILING = """
* { letter-spacing: 3px !important; text-transform: uppercase !important; border: 2px solid red !important; }
div, ul, ol, li, p, button, textarea { all: unset; display: inline !important; font-size: 30px !important; }
"""
"""Rules that no page should have, and some have."""

PLAIN = """
body { margin: 0; font: 18px/1.6 Georgia, serif; color: #22303c; background: #fdfbf7; }
header { padding: 24px 48px; border-bottom: 1px solid #e4ddd0; font-weight: bold; letter-spacing: .04em; }
main { max-width: 640px; margin: 48px; }
h1 { font-size: 40px; line-height: 1.2; }
@media (max-width: 480px) { header { padding: 16px 20px; } main { margin: 20px; } h1 { font-size: 28px; } }
@media (prefers-color-scheme: dark) { body { color: #e8e4da; background: #191b1f; } header { border-color: #33363c; } }
"""

BODY = """<header>Lindqvist &amp; Daughters, booksellers</header>
<main><h1>Where every order is packed by hand</h1>
<p>We send your books within two days, wrapped in paper that was a map once. If a parcel goes astray, write to us: the
bubble in the corner is answered by Nova at any hour, and by one of us from nine to five.</p>
<p><a id="elsewhere" href="#delivery">How delivery works</a></p></main>"""


@asynccontextmanager
async def served(port: int, service: Service, key: str) -> AsyncIterator[str]:
    """Serve the site, `/` and `/spoiling`; yields its origin. It asks the service for tokens with n8n's `key`."""
    site = f"http://127.0.0.1:{port}"
    origin = f"{service.host}:{service.port}"
    policy = (
        f"default-src 'none'; script-src http://{origin}; connect-src http://{origin} ws://{origin} 'self'; "
        "style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
    )

    async def page(request: web.Request) -> web.StreamResponse:
        more = {"data-mode": "bubble", "data-token-url": f"{site}/chat-token", **dict(request.query)}
        attributes = " ".join(f'{name}="{escape(value)}"' for name, value in more.items())
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Booksellers</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="stylesheet" href="/{request.path.strip("/") or "plain"}.css"></head><body>{BODY}'
            f'<script src="http://{origin}/web/umbral-chat-embed.js" {attributes}></script></body></html>'
        )
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def token(request: web.Request) -> web.StreamResponse:
        (session,) = parse_qs(await request.text())["session"]
        body = {"conversation": session, "subject": session, "name": "Ada", "rights": ["read", "send"]}
        api = Connection(service.host, service.port, key=key)
        try:
            return web.json_response({"token": (await asked(api, "POST", "/v1/tokens", body))["token"]})
        finally:
            api.close()

    async def style(request: web.Request) -> web.StreamResponse:
        return web.Response(text=SPOILING if "spoiling" in request.path else PLAIN, content_type="text/css")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/spoiling", page)
    app.router.add_get("/{name}.css", style)
    app.router.add_post("/chat-token", token)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield site
    finally:
        await runner.cleanup()


__all__ = ["served"]
