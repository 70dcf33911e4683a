"""Offers: what of the ways to follow a conversation holds now. What is off or down is not offered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from umbral_chat._core.delivery.failover import Choice
from umbral_chat._core.delivery.failover.machine import POLLING_RANK
from umbral_chat.providers.edges import Offer


def filter_available(offers: Iterable[Offer], *, pushing: bool, choice: Choice) -> Iterator[Offer]:
    """Those of `offers` that hold. `pushing`: realtime is on, for the service and for the conversation."""
    for offer in offers:
        if offer.rank > POLLING_RANK and not pushing:
            continue
        if offer.transport is not None and (choice.mode, choice.transport) != ("live", offer.transport):
            continue
        yield msgspec.structs.replace(offer, transport=None)


__all__ = ["filter_available"]
