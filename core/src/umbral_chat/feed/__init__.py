"""The feed: hints and history merged into what a reader may rely on."""

from umbral_chat.feed.batch import Batch
from umbral_chat.feed.feeds import Feeds
from umbral_chat.feed.health import HistoryHealth
from umbral_chat.feed.line import Line
from umbral_chat.feed.reader import Reader
from umbral_chat.feed.view import View

__all__ = ["Batch", "Feeds", "HistoryHealth", "Line", "Reader", "View"]
