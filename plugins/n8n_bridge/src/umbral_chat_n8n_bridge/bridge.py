"""The bridge of one running service: its chats, and what they share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from umbral_chat.http_kit.outbound import OutboundClient

from umbral_chat_n8n_bridge.chats import chats_of
from umbral_chat_n8n_bridge.files.quota import FileQuota
from umbral_chat_n8n_bridge.files.store import FileStore
from umbral_chat_n8n_bridge.metrics import RelayCounters
from umbral_chat_n8n_bridge.relay.consumer import RelayConsumer
from umbral_chat_n8n_bridge.relay.handback import HandoverTimer

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.providers.consumers import ConsumerService

    from umbral_chat_n8n_bridge.settings import BridgeSettings

SPARE = 32
"""Connections to a chat's n8n beyond one for each conversation that is worked on, so that none waits for a place."""


class Bridge:
    """All chats, as a `ConsumerSource`: it starts a consumer for each. Without a chat it does nothing."""

    name = "n8n"

    def __init__(self, services: Services, settings: BridgeSettings) -> None:
        self.services = services
        self.chats = chats_of(settings)
        self.counters = RelayCounters(services.base.telemetry)
        quota = FileQuota(settings.files_waiting, services.base.clock.monotonic)
        self.files = FileStore(services.storage.store, quota)
        self.started = asyncio.Event()
        """See `StartsConsumers`. Set when every chat's consumer runs: a new one misses what was written before that."""
        self._consumers: dict[str, RelayConsumer] = {}

    async def run(self, consumers: ConsumerService) -> None:
        """See `ConsumerSource`."""
        outbound = self.services.base.settings.core.outbound
        for chat in self.chats.values():
            if chat.name not in self._consumers:
                client = OutboundClient(outbound, trusted=True, connections=chat.settings.runs + SPARE)
                consumer = RelayConsumer(chat, self, client)
                await consumers.start(consumer)
                self._consumers[chat.name] = consumer
        self.started.set()
        async with asyncio.TaskGroup() as tasks:
            for name, consumer in self._consumers.items():
                tasks.create_task(consumer.workflow.run(), name=f"n8n: open executions of {name}")
            for chat in self.chats.values():
                if chat.settings.handoff_pause > 0:
                    tasks.create_task(HandoverTimer(chat, self.services).run(), name=f"n8n: hand back {chat.name}")
            await asyncio.Event().wait()


__all__ = ["SPARE", "Bridge"]
