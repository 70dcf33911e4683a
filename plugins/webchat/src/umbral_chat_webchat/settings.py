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


__all__ = ["WebchatSettings"]
