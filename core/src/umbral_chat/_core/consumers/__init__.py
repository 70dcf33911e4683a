"""Durable consumers of logs: each conversation to one instance at a time, from a stored cursor, at least once.

The way of an entry: the bus (`service`) or a scan (`scan`, for all consumers together: `watch`) queues its conversation
in a consumer's backlog (`backlog`, `conversation_queue`). From there a task takes it (`runner`) and works through the
log under a lease (`log_worker`), or a caller claims it (`claims`, `grants`). What fails is counted (`tries`) and given
up at last (`dead_letters`, `redelivery`).

A consumer that is new to the store begins with the first entry of every log, or with what comes from now on
(`starting`). Imported entries are only given to a consumer that asks for them (`TakesImported`).
"""

from umbral_chat._core.consumers.service import Consumers

__all__ = ["Consumers"]
