"""`/inbox`: the page of operators. Like every page an empty shell: what it shows comes over the API, with the rights of
the operator who signed in, or on a service without keys with those of the local administrator."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from umbral_chat_webchat.assets import Assets
from umbral_chat_webchat.pages import page, receipts
from umbral_chat_webchat.settings import WebchatSettings

INBOX = "/inbox"


def inbox_route(assets: Assets, settings: WebchatSettings) -> HTTPRouteHandler:
    """The route of the inbox."""

    @get(
        INBOX,
        summary="The operators' inbox",
        include_in_schema=False,
        sync_to_thread=False,
        # The page's script reads the query: the filter, the open conversation, language and theme.
        opt={"right": "public", "query": "own"},
    )
    def inbox() -> Response[str]:
        """The page, which is the same for every operator."""
        return page(
            assets,
            script="inbox/page.js",
            title="Inbox",
            styles=["ui.css", "pages/page.css", "inbox/inbox.css"],
            # The front page shows it beside two visitors.
            framed_by=["'self'"],
            data=receipts(settings) | accounts(settings),
            calls=[settings.supabase_base] if settings.supabase_base else [],
        )

    return inbox


def accounts(settings: WebchatSettings) -> dict[str, str]:
    """What the page knows of the project whose users may sign in."""
    if not settings.supabase_base or settings.supabase_publishable_key is None:
        return {}
    return {"supabase-url": settings.supabase_base, "supabase-key": settings.supabase_publishable_key}


__all__ = ["INBOX", "inbox_route"]
