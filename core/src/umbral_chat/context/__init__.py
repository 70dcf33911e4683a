"""What the core hands to plugins: first the base, then the storage, at last the parts of the running service.

The parts are typed by protocols with what plugins use of them; what they are inside is private to the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from umbral_chat.context.conversations import ChatService, DraftService, ReceiptService, RunService, SentEntry
from umbral_chat.context.delivery import DeliveryService, FeedService, ToggleInfo, ToggleService, TransportInfo
from umbral_chat.context.operation import AccessService, PluginInfo, PluginList, ServiceLifecycle

if TYPE_CHECKING:
    from umbral_chat.clock import Clock
    from umbral_chat.providers.consumers import ConsumerService
    from umbral_chat.providers.history import Storage
    from umbral_chat.providers.presence import Presence
    from umbral_chat.settings import Settings
    from umbral_chat.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Base:
    """What exists before any provider is made."""

    settings: Settings
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service. Plugins' routes, offers, checks and consumers work on these."""

    base: Base
    storage: Storage
    feeds: FeedService
    drafts: DraftService
    runs: RunService
    receipts: ReceiptService
    failover: DeliveryService
    toggle: ToggleService
    chat: ChatService
    lifecycle: ServiceLifecycle
    presence: Presence | None
    plugins: PluginList
    access: AccessService
    consumers: ConsumerService


__all__ = [
    "AccessService",
    "Base",
    "ChatService",
    "DeliveryService",
    "DraftService",
    "FeedService",
    "PluginInfo",
    "PluginList",
    "ReceiptService",
    "RunService",
    "SentEntry",
    "ServiceLifecycle",
    "Services",
    "ToggleInfo",
    "ToggleService",
    "TransportInfo",
]
