"""The ledger: for each relayed message, whether n8n was called and how that ended. It outlives a crash, after which it
says whether the workflow may have run, and it tells the gateway, on any instance, that an answer is complete."""

from __future__ import annotations

from typing import Literal

import msgspec
from umbral_chat.errors import TryLater
from umbral_chat.providers.store import SharedStore

NAMESPACE = "n8n.runs"

KEPT = 604_800.0
"""Seconds that a record is kept, from its last change: a dead letter may be tried again within a week."""

State = Literal["waiting", "called", "joined", "over"]
"""Not called yet, or not accepted; called, so that the workflow may run; answered together with an earlier message;
over."""

Outcome = Literal["completed", "cancelled", "failed", "human"]
"""How it ended; `human`: an agent answers, so that n8n was not called."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of one message."""

    state: State = "waiting"
    generation: int = 1
    """Rises when it is begun anew: each has a run of its own."""
    tries: int = 0
    """Calls of this generation that n8n did not accept."""
    outcome: Outcome | None = None
    code: str | None = None
    """Why it ended so."""
    given_up: bool = False
    """It is a dead letter, or about to become one."""
    called_at: float = 0.0
    """When n8n was called, in Unix seconds."""
    leader: int = 0
    """Of a message that joined: the seq of the one whose run answers it, from that one's generation on that
    `generation` says. The record of the leader says whether it does."""
    through: int = 0
    """Of a leader: the seq of the last message that its run answers; 0: it alone."""

    def again(self) -> RunRecord:
        """Begun anew, with the same messages."""
        return RunRecord(generation=self.generation + 1, through=self.through)


def run_prefix(epoch: str, seq: int) -> str:
    """What the ids of the runs for a message begin with."""
    return f"n8n.{epoch}.{seq}."


class Ledger:
    """The records of all chats. Every method raises HistoryUnavailable."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    async def load(self, conversation: str, epoch: str, seq: int) -> tuple[RunRecord | None, int]:
        """The record and its version; None and 0: there is none."""
        found = await self._store.get(NAMESPACE, _key(conversation, epoch, seq))
        return (None, 0) if found is None else (_decoder.decode(found.value), found.version)


class LedgerEntry:
    """The record of one message, as the instance that works on it holds it."""

    def __init__(self, store: SharedStore, conversation: str, epoch: str, seq: int) -> None:
        self._store = store
        self._key = _key(conversation, epoch, seq)
        self._prefix = run_prefix(epoch, seq)
        self._version = 0
        self.record = RunRecord()

    async def load(self) -> None:
        """Read it. Raises HistoryUnavailable."""
        found = await self._store.get(NAMESPACE, self._key)
        self.record, self._version = (
            (RunRecord(), 0) if found is None else (_decoder.decode(found.value), found.version)
        )

    async def save(self, record: RunRecord) -> None:
        """Store it. Raises HistoryUnavailable; and TryLater, when another instance has changed it meanwhile: then that
        one works on the message."""
        stored = await self._store.compare_and_set(
            NAMESPACE, self._key, _encoder.encode(record), expect=self._version, ttl=KEPT
        )
        if stored is None:
            raise TryLater(5.0, "Another instance works on the message.")
        self.record, self._version = record, stored.version

    @property
    def run_id(self) -> str:
        """The id of the run of this generation."""
        return self.run_of(self.record.generation)

    def run_of(self, generation: int) -> str:
        """The id of the run of a generation."""
        return f"{self._prefix}{generation}"


def _key(conversation: str, epoch: str, seq: int) -> str:
    return f"{conversation}/{epoch}/{seq}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RunRecord)

__all__ = ["KEPT", "Ledger", "LedgerEntry", "Outcome", "RunRecord", "State", "run_prefix"]
