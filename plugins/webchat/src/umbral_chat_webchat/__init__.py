"""The JavaScript client of Umbral Chat, served to pages."""

from umbral_chat_webchat.assets import Asset, Assets, load

__all__ = ["Asset", "Assets", "load"]
