"""The plugin as the host sees it."""

from __future__ import annotations

from umbral_chat._core.plugins import boot
from umbral_chat_subscriptions.settings import SubscriptionsSettings


def test_it_is_active_with_its_section() -> None:
    settings, host, *_ = boot(None, {"UMBRAL_CHAT_CONFIG": "", "UMBRAL_CHAT_SUBSCRIPTIONS__MOST": "7"})
    assert {one.name: one.state for one in host.statuses}["subscriptions"] == "active"
    assert settings.section("subscriptions", SubscriptionsSettings).most == 7
