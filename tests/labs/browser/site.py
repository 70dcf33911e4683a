"""The web server of the pages, of another origin than the service's. It also gives tokens, in n8n's place."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import web

from tests.labs.kit.http1 import Connection

HERE = Path(__file__).parent
DOCUMENTED = HERE.parents[2] / "docs" / "how-to" / "javascript.md"

_PAGE = re.compile(r"^```html\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documented_page(service: str, site: str) -> str:
    """The page of the documentation as a reader copies it, with the two addresses set."""
    found = _PAGE.search(DOCUMENTED.read_text("utf-8"))
    if found is None:
        raise ValueError(f"{DOCUMENTED} shows no page")
    page = found[1].replace("https://chat.example.com", service)
    return page.replace("https://n8n.example.com/webhook/chat-token", f"{site}/chat-token")


@asynccontextmanager
async def served(port: int, service: str, api: Connection, *, supabase_js: Path | None = None) -> AsyncIterator[str]:
    """Serve the pages; yields the site's origin. `api` asks the service with n8n's key."""
    site = f"http://127.0.0.1:{port}"

    async def bare(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(HERE / "page.html", headers={"Content-Type": "text/html; charset=utf-8"})

    async def documented(_: web.Request) -> web.StreamResponse:
        return web.Response(text=documented_page(service, site), content_type="text/html")

    async def token(request: web.Request) -> web.StreamResponse:
        (session,) = parse_qs(await request.text())["session"]
        return web.json_response({"token": await token_for(api, session, session)})

    app = web.Application()
    app.router.add_get("/page.html", bare)
    app.router.add_get("/chat.html", documented)
    app.router.add_post("/chat-token", token)
    if supabase_js is not None:
        app.router.add_get("/supabase.js", lambda _: _file(supabase_js))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield site
    finally:
        await runner.cleanup()


async def _file(path: Path) -> web.StreamResponse:
    return web.FileResponse(path, headers={"Content-Type": "text/javascript"})


async def token_for(api: Connection, conversation: str, subject: str) -> str:
    """A conversation token, as n8n asks for one."""
    answer = await api.ask("POST", "/v1/tokens", {"conversation": conversation, "subject": subject, "name": subject})
    if answer.status != 201:
        raise RuntimeError(f"no token: {answer.status} {json.dumps(answer.json())}")
    return str(answer.json()["token"])


__all__ = ["documented_page", "served", "token_for"]
