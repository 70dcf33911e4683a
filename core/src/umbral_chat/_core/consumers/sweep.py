"""The sweep: finds the logs that ended while no instance noticed. A deleted conversation is not in the inbox any more,
so the scan does not find it; the cursor that a consumer has in it does not vanish by itself."""

from __future__ import annotations

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat.model.conversations import Head

PAUSE = 0.02
"""Seconds between two batches: there is no hurry, and entries come first."""


async def find_ended(backlog: Backlog) -> int:
    """Queue every conversation whose log is not that of the cursor any more; how many. Raises HistoryUnavailable."""
    found = 0
    async for epochs in backlog.cursors.known():
        heads = await backlog.history.heads(list(epochs))
        for conversation, epoch in epochs.items():
            head = heads.get(conversation)
            if (not isinstance(head, Head) or head.epoch != epoch) and backlog.queue.wake(conversation):
                found += 1
        await backlog.clock.sleep(PAUSE)
    return found


__all__ = ["find_ended"]
