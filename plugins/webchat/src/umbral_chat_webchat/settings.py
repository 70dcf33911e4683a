"""The section `webchat`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from umbral_chat.settings import Section


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


__all__ = ["WebchatSettings"]
