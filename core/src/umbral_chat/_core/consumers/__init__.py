"""Durable consumers of logs: each conversation to one instance at a time, from a stored cursor, at least once.

A consumer that is new to the store begins with the first entry of every log: it cannot be told apart from one that was
down since then. One that only cares for what happens from now on looks at `entry.at`. What was
imported comes only to one that asks for it (`TakesImported`).
"""

from umbral_chat._core.consumers.runner import ConsumerRunner

__all__ = ["ConsumerRunner"]
