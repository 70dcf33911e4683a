"""The section `subscriptions`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from umbral_chat.settings import Positive, Seconds, Section


class SubscriptionsSettings(Section, frozen=True):
    """Subscriptions: entries of many conversations, pushed to a URL or claimed by workers."""

    most: Annotated[
        # All of their records are read with one scan of the shared store, which answers at most 1,000.
        Positive,
        Meta(le=300, description="Subscriptions that there may be at once."),
    ] = 100
    most_unread: Annotated[
        # Each instance looks every few seconds at what is due of each.
        Positive,
        Meta(le=50, description="Subscriptions of the kind `unread` among them."),
    ] = 10
    refresh: Annotated[
        float,
        Meta(
            ge=0.2,
            le=60,
            description="Seconds within which an instance learns of a subscription that was made, changed or deleted "
            "at another one.",
        ),
    ] = 2.0
    longest_wait: Annotated[
        # Proxies and platforms cut a request that is silent for a minute.
        float,
        Meta(ge=0, le=300, description="Longest time for which a claim waits for entries, in seconds."),
    ] = 55.0
    expire_after: Annotated[
        Seconds,
        Meta(
            description="Seconds after which a subscription without a URL is deleted that is not claimed; a paused one "
            "is kept."
        ),
    ] = 2_592_000.0


__all__ = ["SubscriptionsSettings"]
