"""The feed: hints and history merged into what a reader may rely on."""

from umbral_chat._core.feed.feeds import Feeds
from umbral_chat._core.feed.follower import Follower, ReaderPermit
from umbral_chat._core.feed.reader import Batch, Reader
from umbral_chat._core.feed.view import View
from umbral_chat._core.history.health import HistoryHealth
from umbral_chat.model.encoded_entry import EncodedEntry

__all__ = ["Batch", "EncodedEntry", "Feeds", "Follower", "HistoryHealth", "Reader", "ReaderPermit", "View"]
