"""The embedded storage: logs and shared store in one SQLite file."""

from umbral_chat.sqlite.history import SqliteHistory
from umbral_chat.sqlite.shared import SqliteStore
from umbral_chat.sqlite.storage import open_storage

__all__ = ["SqliteHistory", "SqliteStore", "open_storage"]
