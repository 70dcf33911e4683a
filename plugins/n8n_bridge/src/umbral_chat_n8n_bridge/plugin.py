"""The hooks that this plugin implements."""

from __future__ import annotations

from umbral_chat import hookimpl

from umbral_chat_n8n_bridge.settings import BridgeSettings


@hookimpl
def umbral_chat_settings() -> type[BridgeSettings]:
    """The section `n8n`."""
    return BridgeSettings
