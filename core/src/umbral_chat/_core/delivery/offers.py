"""Offers: what of the ways to follow a conversation holds now. What is off or down is not offered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from umbral_chat._core.delivery.failover import Choice
from umbral_chat._core.delivery.failover.machine import POLLING_RANK
from umbral_chat.errors import RequestError
from umbral_chat.providers.edges import COMPLETION_TIMEOUT, CompletedOffer, Offer

log = logging.getLogger(__name__)


def filter_available(offers: Iterable[Offer], *, pushing: bool, choice: Choice) -> Iterator[Offer]:
    """Those of `offers` that hold. `pushing`: realtime is on, for the service and for the conversation."""
    for offer in offers:
        if offer.rank > POLLING_RANK and not pushing:
            continue
        if offer.transport is not None and (choice.mode, choice.transport) != ("live", offer.transport):
            continue
        yield msgspec.structs.replace(offer, transport=None)


async def completed(offers: Iterable[Offer]) -> list[Offer]:
    """`offers` as they are sent: what has to be waited for is added, side by side, if it can be had now."""
    return list(await asyncio.gather(*map(_completed, offers)))


async def _completed(offer: Offer) -> Offer:
    if not isinstance(offer, CompletedOffer):
        return offer
    added: dict[str, Any] = {}
    try:
        async with asyncio.timeout(COMPLETION_TIMEOUT):
            added = await offer.complete()
    except (RequestError, TimeoutError) as error:
        log.debug("the offer %s is sent without what its plugin adds: %s", offer.edge, error)
    except Exception:
        # A third party's plugin may raise anything, and the other offers hold.
        log.exception("The offer %s is sent without what its plugin adds.", offer.edge)
    return Offer(edge=offer.edge, rank=offer.rank, url=offer.url, parameters={**offer.parameters, **added})


__all__ = ["completed", "filter_available"]
