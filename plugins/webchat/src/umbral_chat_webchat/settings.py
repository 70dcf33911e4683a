"""The section `webchat`."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta
from umbral_chat.settings import Section

_ORIGIN = re.compile(r"(https://[a-z0-9.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:[0-9]{1,5})?/?", re.IGNORECASE)
"""It becomes a part of a header: nothing else may be in it."""


class WebchatSettings(Section, frozen=True):
    """The pages."""

    demo: Annotated[
        bool,
        Meta(
            description="Without keys, show a demo at `/`: two visitors, the inbox, and an assistant that answers "
            "them. With keys there is none."
        ),
    ] = True
    receipts: Annotated[
        bool,
        Meta(
            description="On the chat page and in the inbox, visitors and operators see of each other how far they have "
            "read. Off: the pages say of their readers that others do not see it."
        ),
    ] = False
    supabase_url: Annotated[
        str | None,
        Meta(
            description="URL of a Supabase project whose users who are operators sign in at the inbox with their "
            "account, beside those who have a key. Needs `supabase_publishable_key`, and `supabase.operator_key`."
        ),
    ] = None
    supabase_publishable_key: Annotated[
        str | None, Meta(description="That project's key for browsers (`sb_publishable_…`, or the legacy `anon` key).")
    ] = None

    def __post_init__(self) -> None:
        if (self.supabase_url is None) != (self.supabase_publishable_key is None):
            raise ValueError("supabase_url and supabase_publishable_key belong together, and one of them is not set")
        if self.supabase_url is not None and not _ORIGIN.fullmatch(self.supabase_url):
            raise ValueError(
                "supabase_url is not a project's URL, which is like https://abcdefghijklm.supabase.co: without a path, "
                "and with https:// except on this machine, for passwords travel there"
            )
        if (self.supabase_publishable_key or "").startswith("sb_secret_"):
            raise ValueError(
                "supabase_publishable_key begins as a secret one does (sb_secret_…); browsers are given it"
            )

    @property
    def supabase_base(self) -> str:
        """The project's origin; empty when unset."""
        return (self.supabase_url or "").rstrip("/")


__all__ = ["WebchatSettings"]
