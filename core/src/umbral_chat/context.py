"""What the core hands to plugins: first the base, then the storage, at last the running services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umbral_chat._core.auth.limits import Rates
    from umbral_chat._core.conversations.service import Chat
    from umbral_chat._core.delivery.failover import Failover
    from umbral_chat._core.delivery.toggle import Toggle
    from umbral_chat._core.plugins import PluginHost
    from umbral_chat._core.runtime.lifecycle import Lifecycle
    from umbral_chat._core.settings.effective import Settings
    from umbral_chat.clock import Clock
    from umbral_chat.drafts import Drafts
    from umbral_chat.feed import Feeds
    from umbral_chat.providers.history import Storage
    from umbral_chat.providers.presence import Presence
    from umbral_chat.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Base:
    """What there is before any provider was made."""

    settings: Settings
    telemetry: Telemetry
    clock: Clock


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service. Plugins' routes, offers, checks and consumers work on these."""

    base: Base
    plugins: PluginHost
    storage: Storage
    feeds: Feeds
    drafts: Drafts
    failover: Failover
    toggle: Toggle
    chat: Chat
    lifecycle: Lifecycle
    presence: Presence | None
    rates: Rates


__all__ = ["Base", "Services"]
