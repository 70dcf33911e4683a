"""Holding a lease for as long as some work takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.store import Lease, SharedStore

T = TypeVar("T")

log = logging.getLogger(__name__)

RELEASE_TIMEOUT = 2.0
"""Seconds to give a lease back; one that is not given back lapses."""


class LeaseLost(Exception):
    """Another holder may be at work."""


async def hold(
    store: SharedStore, name: str, holder: str, ttl: float, work: Callable[[Lease], Awaitable[T]]
) -> T | None:
    """Do `work` under the lease, which is renewed meanwhile; None: another holds it.

    Raises LeaseLost, after `work` was cancelled, when it could not be renewed in time; HistoryUnavailable; and what
    `work` raises.
    """
    good_until = asyncio.get_running_loop().time() + ttl
    lease = await store.acquire(name, holder, ttl)
    if lease is None:
        return None
    working = asyncio.ensure_future(work(lease))
    try:
        await _renew_until_done(store, lease, ttl, good_until, working)
        return await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await _release(store, lease)


async def _renew_until_done(
    store: SharedStore, lease: Lease, ttl: float, good_until: float, working: asyncio.Future[T]
) -> None:
    loop = asyncio.get_running_loop()
    while not (await asyncio.wait((working,), timeout=ttl / 3))[0]:
        asked = loop.time()
        try:
            async with asyncio.timeout_at(good_until):
                renewed = await store.renew(lease, ttl)
        except (HistoryUnavailable, TimeoutError):
            # It is ours until it lapses, and the store may be back before that.
            renewed = loop.time() + ttl / 3 < good_until
        else:
            good_until = asked + ttl
        if not renewed:
            raise LeaseLost(lease.name)


async def _release(store: SharedStore, lease: Lease) -> None:
    try:
        async with asyncio.timeout(RELEASE_TIMEOUT):
            await store.release(lease)
    except (HistoryUnavailable, TimeoutError) as error:
        log.debug("lease %s was not given back: %s", lease.name, error)


__all__ = ["RELEASE_TIMEOUT", "LeaseLost", "hold"]
