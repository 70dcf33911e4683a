"""Moved to `umbral_chat.transport_kit`; this name goes with 0.3."""

from umbral_chat._moved import moved

__getattr__ = moved(__name__, "umbral_chat.transport_kit", {"Mailbox": "EventQueue", "Watched": "WatchList"})
