"""Posts signals to the shared store, so that `publish` never waits for it; and how one is stored there."""

from __future__ import annotations

import asyncio
import logging

import msgspec
from umbral_chat.errors import UmbralChatError
from umbral_chat.model.depth import decode_bounded
from umbral_chat.model.signals import Signal, signal_decoder, signal_encoder
from umbral_chat.providers.store import SharedStore, StoredSignal
from umbral_chat.transport_kit.signal_outbox import SignalOutbox

log = logging.getLogger(__name__)

POST_TIMEOUT = 5.0
"""Seconds that one post may take. A signal is stale after that, and the ones behind it wait."""

CONCURRENCY = 64
"""Signals posted side by side: enough for a store that commits in groups, few for one that takes connections."""


class _StoredPayload(msgspec.Struct, frozen=True, rename={"instance": "from"}):
    instance: str
    signal: msgspec.Raw


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_StoredPayload)


def encode(instance: str, signal: Signal) -> bytes:
    """The payload to post, marked with the instance that posts it, which ignores it when it reads the list."""
    return _encoder.encode(_StoredPayload(instance, msgspec.Raw(signal_encoder.encode(signal))))


def decode(instance: str, stored: StoredSignal) -> Signal | None:
    """The signal, if an instance other than `instance` posted it. None for its own, and for one of a newer version that
    this version cannot read: a signal is never worth a failure."""
    try:
        payload = decode_bounded(_decoder, stored.payload)
        return None if payload.instance == instance else signal_decoder.decode(payload.signal)
    except msgspec.MsgspecError:
        return None


class StorePublisher:
    """Posts the signals of an outbox to the shared store, each topic's in order."""

    def __init__(self, store: SharedStore, instance: str, limit: int) -> None:
        self.outbox = SignalOutbox(limit)
        self._store = store
        self._instance = instance

    async def run(self) -> None:
        """Post queued signals until cancelled."""
        while True:
            await self.outbox.filled()
            await asyncio.gather(*(self._post_all(*topic) for topic in self._take().items()))

    def _take(self) -> dict[str, list[bytes]]:
        topics: dict[str, list[bytes]] = {}
        for _ in range(min(CONCURRENCY, len(self.outbox))):
            topic, signal = self.outbox.pop()
            topics.setdefault(topic, []).append(encode(self._instance, signal))
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
            # A third party's store may raise anything; the signals behind this one must still be posted.
            log.exception("a signal of %s was not posted", topic)


__all__ = ["CONCURRENCY", "POST_TIMEOUT", "StorePublisher", "decode", "encode"]
