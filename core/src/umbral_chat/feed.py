"""The feed, as plugins use it through `Services.feeds`: hints and history merged into what a reader may rely on."""

from umbral_chat._core.feed import Batch, Feeds, HistoryHealth, Line, Reader, View

__all__ = ["Batch", "Feeds", "HistoryHealth", "Line", "Reader", "View"]
