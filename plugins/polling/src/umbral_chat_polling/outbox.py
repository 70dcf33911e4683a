"""Signals on their way out: whoever publishes never waits for the store."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from umbral_chat.errors import UmbralChatError
from umbral_chat.providers.store import SharedStore

log = logging.getLogger(__name__)

POST_TIMEOUT = 5.0
"""Seconds that one post may take. A signal is stale after that, and the ones behind it wait."""


ROUND = 64
"""Signals posted side by side: enough for a store that commits in groups, few for one that takes connections."""


class Outbox:
    """Posts each topic's signals in order. Past `limit` the oldest go: what a signal says is soon said again."""

    def __init__(self, store: SharedStore, limit: int) -> None:
        self._store = store
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=limit)
        self._filled = asyncio.Event()

    def put(self, topic: str, payload: bytes) -> None:
        """Take a signal to post."""
        self._waiting.append((topic, payload))
        self._filled.set()

    def clear(self) -> None:
        """Drop what was not posted."""
        self._waiting.clear()

    async def run(self) -> None:
        """Post what comes, until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                await asyncio.gather(*(self._post_all(*topic) for topic in self._round().items()))

    def _round(self) -> dict[str, list[bytes]]:
        topics: dict[str, list[bytes]] = {}
        for _ in range(min(ROUND, len(self._waiting))):
            topic, payload = self._waiting.popleft()
            topics.setdefault(topic, []).append(payload)
        return topics

    async def _post_all(self, topic: str, payloads: list[bytes]) -> None:
        for payload in payloads:
            await self._post(topic, payload)

    async def _post(self, topic: str, payload: bytes) -> None:
        try:
            async with asyncio.timeout(POST_TIMEOUT):
                await self._store.post(topic, payload)
        except (UmbralChatError, TimeoutError) as error:
            log.debug("a signal of %s was not posted: %s", topic, error)
        except Exception:
            # A third party's store may raise anything; the signals behind this one must still go out.
            log.exception("a signal of %s was not posted", topic)


__all__ = ["POST_TIMEOUT", "Outbox"]
