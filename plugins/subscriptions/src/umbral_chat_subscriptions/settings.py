"""The section `subscriptions`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from umbral_chat.settings import Positive, Seconds, Section


class SubscriptionsSettings(Section, frozen=True):
    """Subscriptions: entries of many conversations, pushed to a URL or claimed by workers."""

    most: Annotated[
        # Each looks for new work by itself, and keeps a cursor for each conversation that it gets entries of.
        Positive,
        Meta(le=1_000, description="Subscriptions at once."),
    ] = 100
    refresh: Annotated[
        float,
        Meta(
            ge=0.2,
            le=60,
            description="Seconds within which an instance learns of a subscription that was made, changed or deleted "
            "at another one.",
        ),
    ] = 2.0
    open_claims: Annotated[
        Positive, Meta(le=10_000, description="Claims of one subscription that are open at once.")
    ] = 1_000
    longest_lease: Annotated[
        float, Meta(ge=1, le=86_400, description="Longest lease that a claim may ask for, in seconds.")
    ] = 3_600.0
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
