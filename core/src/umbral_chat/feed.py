"""The feed, as plugins use it through `Services.feeds`: hints and history merged into what a reader may rely on."""

from umbral_chat._core.feed import (
    Batch,
    EncodedEntry,
    Feeds,
    Follower,
    HistoryHealth,
    Reader,
    ReaderPermit,
    View,
)
from umbral_chat._moved import moved

__getattr__ = moved(__name__, __name__, {"Line": "EncodedEntry"})

__all__ = ["Batch", "EncodedEntry", "Feeds", "Follower", "HistoryHealth", "Reader", "ReaderPermit", "View"]
