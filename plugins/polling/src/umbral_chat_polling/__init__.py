"""Polling for Umbral Chat: the poll and long-poll edge, and the transport for several processes on one store."""

from umbral_chat_polling.settings import Polling
from umbral_chat_polling.transport import PollingTransport

__all__ = ["Polling", "PollingTransport"]
