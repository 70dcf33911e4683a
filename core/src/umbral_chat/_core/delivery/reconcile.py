"""Reconciling: the bound on how long a hint that never came can delay an entry."""

from __future__ import annotations

import logging

from umbral_chat._core.delivery.failover import Failover
from umbral_chat._core.delivery.subscriptions import Subscriptions
from umbral_chat._core.feed import Feeds
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.history import HEADS_BATCH, History

log = logging.getLogger(__name__)

LEAST_PAUSE = 0.1
"""Share of the interval that lies between an answer and the next asking, however long the answer took."""


async def reconcile(
    history: History, feeds: Feeds, subscriptions: Subscriptions, failover: Failover, clock: Clock, *, interval: float
) -> None:
    """Every `interval` seconds ask where the watched logs stand, for as long as the transport in use does not do so
    itself. Without any transport this process is alone on its store, and its own bus tells it everything."""
    due = clock.monotonic()
    while True:
        # From asking to asking, so that the time an answer takes is not added to the bound.
        due = max(due + interval, clock.monotonic() + interval * LEAST_PAUSE)
        await clock.sleep(due - clock.monotonic())
        if failover.choice.transport is None or failover.reads_store:
            continue
        try:
            watched = list(subscriptions)
            for start in range(0, len(watched), HEADS_BATCH):
                conversations = watched[start : start + HEADS_BATCH]
                heads = await history.heads(conversations)
                for conversation, head in heads.items():
                    feeds.hint_head(conversation, head)
        except HistoryUnavailable as error:
            log.debug("could not reconcile: %s", error)  # its health says so, once
        except Exception:
            # This bounds how stale every reader may be: it must not end because a store answered nonsense once.
            log.exception("could not reconcile")


__all__ = ["LEAST_PAUSE", "reconcile"]
