"""Durable consumers of logs: each conversation to one instance at a time, from a stored cursor, at least once.

A consumer that is new to the store begins with the first entry of every log: it cannot be told apart from one that was
down since then. One that is only interested in new entries checks `entry.at`. Imported entries are only given to a
consumer that asks for them (`TakesImported`).
"""

from umbral_chat._core.consumers.runner import ConsumerRunner

__all__ = ["ConsumerRunner"]
