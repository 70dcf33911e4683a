"""The pages: what each of them is served with, and the chat page, `/c/{conversation}`.

A page is an empty shell. Its script, style sheets and modules are files of this service, its data comes over the API
with the caller's own credentials; so the page itself is the same for everyone, and open to all.
"""

from collections.abc import Mapping, Sequence
from html import escape

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from umbral_chat_webchat.assets import INTERFACE_FOLDER, Assets
from umbral_chat_webchat.settings import WebchatSettings

CHAT = "/c/{conversation:str}"
FOLDER = f"{INTERFACE_FOLDER}/"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Cpath fill='%232f4bd0' d='M6 4h20a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H14l-8 6v-6a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z'/%3E"
    "%3C/svg%3E"
)
"""In the page itself: a browser would ask for `/favicon.ico` otherwise."""
MARKDOWN = "markdown.js"
"""What the view loads beside the history, and before it shows any message."""


def policy(*, framed_by: Sequence[str] = (), frames: bool = False, calls: Sequence[str] = ()) -> str:
    """The content security policy of a page: what this service serves itself, and nothing else.

    A style sheet, script or handler in the page itself is refused, and so is a frame, unless the origins in `framed_by`
    may. With `frames` it may show other pages of this service in its own. `calls` are further origins that its script
    may call. `connect-src 'self'` is also that of a
    WebSocket to the same origin (CSP 3, 6.7.2.8).
    """
    ancestors = " ".join(framed_by) or "'none'"
    framed = "frame-src 'self'; " if frames else ""
    called = " ".join(["'self'", *calls])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src {called}; img-src 'self' data:; "
        f"{framed}base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )


def page(
    assets: Assets,
    *,
    title: str,
    script: str | None = None,
    styles: Sequence[str] = ("ui.css", "pages/page.css"),
    framed_by: Sequence[str] = (),
    frames: bool = False,
    calls: Sequence[str] = (),
    data: Mapping[str, str] | None = None,
    body: str = "",
) -> Response[str]:
    """A page that runs `script`, a module in the interface's folder, such as `pages/chat.js`; or one that is `body`
    alone, which is HTML.

    `styles` are style sheets in the same folder. Every module that the script needs is loaded at once, and so is what
    renders Markdown. `data` is for the script, in the `dataset` of `#page`. The answer is to be revalidated: the names
    that it has change with each version. Raises KeyError for a script or style sheet that does not exist.
    """
    links = [f'<link rel="stylesheet" href="{assets.url(FOLDER + style)}">' for style in styles]
    if script is not None:
        own, *others = assets.imports(FOLDER + script)
        others += [other for other in assets.imports(FOLDER + MARKDOWN) if other not in others]
        links += [f'<link rel="modulepreload" href="{other}">' for other in others]
        links.append(f'<script type="module" src="{own}"></script>')
        attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in (data or {}).items())
        body = f'<main id="page"{attributes}></main>\n<noscript>This page needs JavaScript.</noscript>\n'
    html = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="{ICON}">\n'
        + "\n".join(links)
        + f'\n</head>\n<body class="umbral-theme">\n{body}</body>\n</html>\n'
    )
    headers = {
        "content-security-policy": policy(framed_by=framed_by, frames=frames, calls=calls),
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-cache",
        "x-robots-tag": "noindex",
    }
    # For browsers that do not know `frame-ancestors`, as far as this header can say it.
    if not framed_by:
        headers["x-frame-options"] = "DENY"
    elif list(framed_by) == ["'self'"]:
        headers["x-frame-options"] = "SAMEORIGIN"
    return Response(html, media_type="text/html", headers=headers)


def receipts(settings: WebchatSettings) -> dict[str, str]:
    """What the scripts of a page know of the setting `receipts`."""
    return {"receipts": "on"} if settings.receipts else {}


def page_routes(assets: Assets, settings: WebchatSettings) -> list[HTTPRouteHandler]:
    """The routes of the pages."""

    @get(
        CHAT,
        summary="The chat page of a conversation",
        include_in_schema=False,
        sync_to_thread=False,
        # The page's script reads what it knows of the query, and links collect parameters on their way through mails.
        opt={"right": "public", "query": "own"},
    )
    def chat(conversation: FromPath[str]) -> Response[str]:  # noqa: ARG001 - the page's script reads it from the URL
        """The page, which is the same for every conversation."""
        return page(assets, script="pages/chat.js", title="Chat", data=receipts(settings))

    return [chat]


__all__ = ["CHAT", "page", "page_routes", "policy", "receipts"]
