"""Which executions are open: those with Chat nodes that wait for the user, or go on, by conversation. They are kept in
the shared store, so that another instance takes one up whose instance is gone."""

from __future__ import annotations

import msgspec
from umbral_chat.errors import TryLater
from umbral_chat.providers.store import SharedStore

NAMESPACE, HELD = "n8n.executions", "n8n.held"

KEPT = 604_800.0
"""Seconds that a record is kept, from its last change: who answers a question after more than a week begins anew."""

HELD_FOR = 90.0
"""Seconds for which an execution counts as held by an instance, from its last sign of life: three heartbeats."""


class OpenExecution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored of one."""

    execution_id: str
    token: str | None
    """n8n's, without which it opens no socket."""
    run_id: str
    """The run in which it goes on, or went on last."""
    seq: int
    """Seq of the user's message that this run is for."""
    epoch: str
    turns: int = 0
    """How often it went on by itself since then, by a button or a time-out: each time is a run of its own."""
    owed: bool = False
    """Whether the message of the run is for it, and was not sent yet."""
    idle: bool = False
    """Whether no message is being worked on, so that whoever holds it passes on what it says next."""
    written: int = 0
    """Messages of it in the log."""
    last: str | None = None
    """Digest of the last one."""
    answered: bool = False
    """Whether the user's answer to that was sent."""
    since: float = 0.0
    """When it was last heard of, in Unix seconds."""

    def __repr__(self) -> str:
        return f"<OpenExecution {self.execution_id} of {self.run_id}>"


class OpenExecutionEntry:
    """The record of one conversation, as the instance that holds it has it."""

    def __init__(self, store: SharedStore, conversation: str, holder: str) -> None:
        self._store, self._conversation, self._holder = store, conversation, holder
        self._version = 0
        self.record: OpenExecution | None = None

    async def load(self) -> OpenExecution | None:
        """Read it. Raises HistoryUnavailable."""
        found = await self._store.get(NAMESPACE, self._conversation)
        self._version = 0 if found is None else found.version
        self.record = None if found is None else _decoder.decode(found.value)
        return self.record

    async def save(self, record: OpenExecution) -> None:
        """Store it. Raises HistoryUnavailable; and TryLater when another instance has it meanwhile."""
        stored = await self._store.compare_and_set(
            NAMESPACE, self._conversation, _encoder.encode(record), expect=self._version, ttl=KEPT
        )
        if stored is None:
            raise TryLater(5.0, "Another instance works on the execution.")
        self.record, self._version = record, stored.version

    async def forget(self) -> None:
        """Remove it: the execution is over. Raises HistoryUnavailable."""
        if self._version:
            await self._store.delete(NAMESPACE, self._conversation)
            await self._store.delete(HELD, self._conversation)
        self.record, self._version = None, 0

    async def hold(self) -> None:
        """Become the one that holds it; whoever did stops within a heartbeat. Raises HistoryUnavailable."""
        await self._store.put(HELD, self._conversation, self._holder.encode(), ttl=HELD_FOR)

    async def adopt(self) -> bool:
        """Become the one that holds it, if nobody does. Raises HistoryUnavailable."""
        if await self._store.get(HELD, self._conversation) is not None:
            return False
        return await self._take(0)

    async def still_holds(self) -> bool:
        """Give a sign of life, if it is still held here. Raises HistoryUnavailable."""
        found = await self._store.get(HELD, self._conversation)
        if found is not None and found.value != self._holder.encode():
            return False
        return await self._take(0 if found is None else found.version)

    async def _take(self, expect: int) -> bool:
        value = self._holder.encode()
        return (
            await self._store.compare_and_set(HELD, self._conversation, value, expect=expect, ttl=HELD_FOR) is not None
        )


async def abandoned(store: SharedStore, limit: int) -> list[str]:
    """Conversations whose execution goes on by itself, or waits, and is held by no instance. Raises
    HistoryUnavailable."""
    records = await store.scan(NAMESPACE, limit=limit)
    held = await store.scan(HELD, limit=limit)
    return [key for key, found in records.items() if key not in held and _decoder.decode(found.value).idle]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(OpenExecution)

__all__ = ["HELD_FOR", "KEPT", "OpenExecution", "OpenExecutionEntry", "abandoned"]
