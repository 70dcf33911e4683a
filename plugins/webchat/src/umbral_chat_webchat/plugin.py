"""The hook that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat import hookimpl

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler
    from umbral_chat.context import Services


@hookimpl
def umbral_chat_routes(services: Services) -> list[HTTPRouteHandler]:  # noqa: ARG001 - the files need nothing of it
    """The client's files, and the pages."""
    from umbral_chat_webchat.assets import load
    from umbral_chat_webchat.inbox_page import inbox_route
    from umbral_chat_webchat.pages import page_routes
    from umbral_chat_webchat.routes import asset_route

    assets = load()
    return [asset_route(assets), *page_routes(assets), inbox_route(assets)]
