"""The parts of a running service as the core itself sees them: plugins are given the same object as `Services`."""

from __future__ import annotations

from dataclasses import dataclass

from umbral_chat._core.auth.access import Access
from umbral_chat._core.auth.limits import Rates
from umbral_chat._core.conversations.draft_keeper import DraftKeeper
from umbral_chat._core.conversations.drafts import Drafts
from umbral_chat._core.conversations.receipt_service import Receipts
from umbral_chat._core.conversations.run_service import Runs
from umbral_chat._core.conversations.service import Chat
from umbral_chat._core.delivery.failover import Failover
from umbral_chat._core.delivery.toggle import Toggle
from umbral_chat._core.feed import Feeds
from umbral_chat._core.plugins import PluginHost
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat.context import Services


@dataclass(frozen=True, slots=True)
class ServiceParts(Services):
    """Every part, with what is not for plugins."""

    feeds: Feeds
    drafts: Drafts
    runs: Runs
    receipts: Receipts
    draft_keeper: DraftKeeper
    failover: Failover
    chat: Chat
    lifecycle: Lifecycle
    plugins: PluginHost
    toggle: Toggle
    access: Access
    rates: Rates


__all__ = ["ServiceParts"]
