"""The pages: what each of them is served with, and the chat page, `/c/{conversation}`.

A page is an empty shell. Its script, style sheets and modules are files of this service, its data comes over the API
with the caller's own credentials; so the page itself is the same for everyone, and open to all.
"""

from collections.abc import Sequence
from html import escape

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from umbral_chat_webchat.assets import INTERFACE_FOLDER, Assets

CHAT = "/c/{conversation:str}"
FOLDER = f"{INTERFACE_FOLDER}/"
MARKDOWN = "markdown.js"
"""What the view loads beside the history, and before it shows any message."""


def policy(*, framed_by: Sequence[str] = ()) -> str:
    """The content security policy of a page: what this service serves itself, and nothing else.

    A style sheet, script or handler in the page itself is refused, and so is a frame, unless the origins in `framed_by`
    may. `connect-src 'self'` is also that of a WebSocket to the same origin (CSP 3, 6.7.2.8).
    """
    ancestors = " ".join(framed_by) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )


def page(
    assets: Assets,
    *,
    script: str,
    title: str,
    styles: Sequence[str] = ("ui.css", "pages/page.css"),
    framed_by: Sequence[str] = (),
) -> Response[str]:
    """A page that runs `script`, a module in the interface's folder, such as `pages/chat.js`.

    `styles` are style sheets in the same folder. Every module that the script needs is loaded at once, and so is what
    renders Markdown. The answer is to be revalidated: the names that it has change with each version. Raises KeyError for
    a script or style sheet that does not exist.
    """
    links = [f'<link rel="stylesheet" href="{assets.url(FOLDER + style)}">' for style in styles]
    own, *others = assets.imports(FOLDER + script)
    others += [other for other in assets.imports(FOLDER + MARKDOWN) if other not in others]
    links += [f'<link rel="modulepreload" href="{other}">' for other in others]
    html = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n"
        + "\n".join(links)
        + f'\n<script type="module" src="{own}"></script>\n</head>\n<body class="umbral-theme">\n'
        '<main id="page"></main>\n<noscript>This page needs JavaScript.</noscript>\n</body>\n</html>\n'
    )
    headers = {
        "content-security-policy": policy(framed_by=framed_by),
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-cache",
        "x-robots-tag": "noindex",
    }
    if not framed_by:
        headers["x-frame-options"] = "DENY"
    return Response(html, media_type="text/html", headers=headers)


def page_routes(assets: Assets) -> list[HTTPRouteHandler]:
    """The routes of the pages."""

    @get(
        CHAT,
        summary="The chat page of a conversation",
        include_in_schema=False,
        sync_to_thread=False,
        opt={"right": "public"},
    )
    def chat(conversation: FromPath[str]) -> Response[str]:  # noqa: ARG001 - the page's script reads it from the URL
        """The page, which is the same for every conversation."""
        return page(assets, script="pages/chat.js", title="Chat")

    return [chat]


__all__ = ["CHAT", "page", "page_routes", "policy"]
