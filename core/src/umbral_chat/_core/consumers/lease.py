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
"""Seconds that releasing a lease may take; one that is not released expires."""


class LeaseLost(Exception):
    """The lease expired or was taken: another holder may be at work."""


async def run_with_lease(
    store: SharedStore, name: str, holder: str, ttl: float, work: Callable[[Lease], Awaitable[T]]
) -> T | None:
    """The result of `work`, called with the lease, which is renewed meanwhile; None: another holds it.

    Raises LeaseLost, after `work` was cancelled, when it could not be renewed in time; HistoryUnavailable; and what
    `work` raises.
    """
    valid_until = asyncio.get_running_loop().time() + ttl
    lease = await store.acquire(name, holder, ttl)
    if lease is None:
        return None
    working = asyncio.ensure_future(work(lease))
    try:
        await _renew_until_done(store, lease, ttl, valid_until, working)
        return await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await release(store, lease)


async def _renew_until_done(
    store: SharedStore, lease: Lease, ttl: float, valid_until: float, working: asyncio.Future[T]
) -> None:
    loop = asyncio.get_running_loop()
    while not (await asyncio.wait((working,), timeout=ttl / 3))[0]:
        began = loop.time()
        try:
            async with asyncio.timeout_at(valid_until):
                renewed = await store.renew(lease, ttl)
        except (HistoryUnavailable, TimeoutError):
            # It is ours until it expires, and the store may be back before that.
            renewed = loop.time() + ttl / 3 < valid_until
        else:
            valid_until = began + ttl
        if not renewed:
            raise LeaseLost(lease.name)


async def release(store: SharedStore, lease: Lease) -> None:
    """Give a lease back, best effort: one that is not released expires."""
    try:
        async with asyncio.timeout(RELEASE_TIMEOUT):
            await store.release(lease)
    except (HistoryUnavailable, TimeoutError) as error:
        log.debug("lease %s was not released: %s", lease.name, error)


__all__ = ["RELEASE_TIMEOUT", "LeaseLost", "release", "run_with_lease"]
