"""Presence for Umbral Chat: who is in a conversation and who types there."""

from umbral_chat_presence.memory import MemoryPresence
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.shared import SharedPresence

__all__ = ["MemoryPresence", "PresenceSettings", "SharedPresence"]
