"""The embedded storage: logs and shared store in one SQLite file."""

from umbral_chat._core.sqlite.log.history import SqliteHistory
from umbral_chat._core.sqlite.shared.store import SqliteStore
from umbral_chat._core.sqlite.storage import open_storage

__all__ = ["SqliteHistory", "SqliteStore", "open_storage"]
