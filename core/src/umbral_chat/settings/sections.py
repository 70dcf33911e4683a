"""Moved to `umbral_chat.settings`; this name goes with 0.3."""

from umbral_chat._moved import moved

__getattr__ = moved(__name__, "umbral_chat.settings")
