"""Parts that transports are built from: the queue of their events, and the conversations that are watched."""

from umbral_chat.transport_kit.event_queue import EventQueue
from umbral_chat.transport_kit.watch_list import WatchList

__all__ = ["EventQueue", "WatchList"]
