"""The hooks that this plugin implements."""

from __future__ import annotations

from umbral_chat import hookimpl

from umbral_chat_subscriptions.settings import SubscriptionsSettings


@hookimpl
def umbral_chat_settings() -> type[SubscriptionsSettings]:
    """The section `subscriptions`."""
    return SubscriptionsSettings
