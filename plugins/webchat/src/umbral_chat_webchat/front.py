"""The page at `/`. Without keys it is a demo: two visitors and the inbox side by side, with an assistant that answers.
Else it says what this is, and where its API and its pages are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from litestar import Response, get

from umbral_chat_webchat.demo_answers import VISITORS
from umbral_chat_webchat.pages import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar.handlers import HTTPRouteHandler

    from umbral_chat_webchat.assets import Assets

PATH = "/"

STYLES = ["ui.css", "front/front.css"]

ABOUT = """\
<main class="front about">
<h1>Umbral Chat</h1>
<p class="lead">This is the chat service of a site: it keeps its conversations, and delivers what is written in them
to every open window.</p>
<nav aria-label="This service"><ul>
<li><a href="/inbox">Inbox</a><span>For operators, who sign in with a service key</span></li>
<li><a href="/schema">HTTP API</a>
<span>Every call with its fields, also as <a href="/schema/openapi.json">OpenAPI</a></span></li>
<li><a href="/web/umbral-chat.js">JavaScript client</a><span>A module for pages of your own</span></li>
<li><a href="/health/ready">Readiness</a><span>Whether the service can answer, and what is degraded</span></li>
</ul></nav>
<p>Visitors open their conversation by a link that has a token in it, or by the chat on a page of the site. How-to
guides, the reference and explanations are in the directory <code>docs</code> of the project.</p>
</main>
"""


def front_route(assets: Assets, begin: Callable[[], None] | None) -> HTTPRouteHandler:
    """The route. `begin` starts the demo; None: there is none."""
    visitors = [
        {"id": one.id, "name": one.name, "conversation": one.conversation, "title": one.title} for one in VISITORS
    ]
    data = {"visitors": msgspec.json.encode(visitors).decode()}

    @get(
        PATH,
        summary="The demo, or what this is",
        include_in_schema=False,
        sync_to_thread=False,
        opt={"right": "public", "query": "own"},  # which the page's script reads
    )
    def front() -> Response[str]:
        """The page."""
        if begin is None:
            return page(assets, title="Umbral Chat", styles=STYLES, body=ABOUT)
        begin()
        return page(assets, script="front/page.js", title="Umbral Chat: demo", styles=STYLES, frames=True, data=data)

    return front


__all__ = ["PATH", "front_route"]
