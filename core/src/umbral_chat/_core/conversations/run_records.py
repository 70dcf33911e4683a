"""Where runs are kept: a record for each conversation that has any, changed by compare-and-set, and one for each
end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import msgspec

from umbral_chat._core.conversations.runs import RunRecord, SettledRun
from umbral_chat._core.runtime.lru import Lru
from umbral_chat.clock import Clock
from umbral_chat.errors import RequestError, Unavailable
from umbral_chat.model.depth import decode_bounded
from umbral_chat.model.signals import Writer
from umbral_chat.providers.store import SharedStore
from umbral_chat.transport_kit.backoff import Backoff

T = TypeVar("T")

RUNS, ENDED = "runs", "runs_ended"
"""The namespaces of the runs that go on, which every instance reads again and again, and of ends."""

ENDED_KEPT = 3600.0
"""Seconds for which the end of a run is remembered: a producer that had no answer repeats its call within minutes."""

EMPTY_KEPT = 60.0
"""Seconds for which a conversation's record stays after its last run. It is emptied, not deleted: the store deletes
without comparing, and a run that another instance starts meanwhile would go, too."""

SCAN_PAGE = 1_000
"""Records of one scan: every store returns as many."""

REMEMBERED = 1_000
"""Records that are remembered as they were last written here."""

TRIES = 32
"""Attempts at a change. Each that fails means that another change succeeded, and a conversation has few producers."""

log = logging.getLogger(__name__)


class VersionedRuns(NamedTuple):
    """A conversation's runs, and the version of the record that has them; 0: there is none."""

    record: RunRecord
    version: int


class RunRecords:
    """The records of runs in the shared store. Every method raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._written: Lru[str, VersionedRuns] = Lru(REMEMBERED)

    async def load(self, conversation: str) -> VersionedRuns:
        """The conversation's runs."""
        found = await self._store.get(RUNS, key_of(conversation))
        return VersionedRuns(RunRecord(), 0) if found is None else VersionedRuns(_record(found.value), found.version)

    async def reserved_by(self, conversation: str, message_id: str) -> Writer | None:
        """The author of the run that is going to leave this message; None: there is none."""
        return (await self.load(conversation)).record.reserved_by(message_id)

    async def change(self, conversation: str, change: Callable[[RunRecord], RunRecord]) -> VersionedRuns:
        """Apply `change` to the runs as they are, and write the result unless nothing changes.

        `change` may be called several times, and what it raises is raised. Raises Unavailable when other instances were
        faster `TRIES` times.
        """
        key = key_of(conversation)
        backoff = Backoff(initial=0.005, maximum=0.2, multiplier=2.0, jitter="full")
        # Most changes of a run come from one instance, whose last one is what the store still has: it is written over
        # that without reading. Versions are never reused, so a record that others have changed, or that has expired,
        # is not overwritten; and only what was read says that nothing is to change, or that it may not.
        found, was_read = self._written.get(key), False
        for _ in range(TRIES):
            if found is None:
                found, was_read = await self.load(conversation), True
            try:
                record = change(found.record)
            except RequestError:
                if was_read:
                    raise
                found = None
                continue
            if record is found.record:
                if was_read:
                    return found
                found = None
                continue
            written = await self._write(key, record, found.version)
            if written is not None:
                return written
            if was_read:
                await self._clock.sleep(backoff.next())
            found = None
        raise Unavailable("The runs of this conversation are being changed by too many callers at once. Try again.")

    async def _write(self, key: str, record: RunRecord, expect: int) -> VersionedRuns | None:
        """Write it over the version `expect`; None: that is not the record's."""
        written = await self._store.compare_and_set(
            RUNS, key, msgspec.json.encode(record), expect=expect, ttl=None if record.runs else EMPTY_KEPT
        )
        if written is None:
            self._written.drop(key)
            return None
        versioned = VersionedRuns(record, written.version)
        self._written.put(key, versioned)
        return versioned

    async def scan(self, prefix: str = "") -> AsyncIterator[VersionedRuns]:
        """Every conversation that has runs. Records that are written meanwhile may be missing."""
        found = await self._store.scan(RUNS, prefix=prefix, limit=SCAN_PAGE)
        if len(found) < SCAN_PAGE:
            for one in found.values():
                yield VersionedRuns(_record(one.value), one.version)
            return
        # A scan has no second page, and keys are hexadecimal digits: with one more of them there are fewer.
        for digit in "0123456789abcdef":
            async for versioned in self.scan(prefix + digit):
                yield versioned

    async def settled(self, conversation: str, run_id: str) -> SettledRun | None:
        """How a run ended whose end is settled; None: it did not, or long ago."""
        found = await self._store.get(ENDED, _ended_key(conversation, run_id))
        return None if found is None else _decoded(found.value, SettledRun)

    async def settle(self, conversation: str, run: SettledRun) -> None:
        """Remember how a run ended."""
        key = _ended_key(conversation, run.ended.run_id)
        await self._store.put(ENDED, key, msgspec.json.encode(run), ttl=ENDED_KEPT)

    async def forget(self, conversation: str) -> VersionedRuns:
        """Remove what shows that there was a conversation, which was deleted; its empty record."""
        emptied = await self.change(conversation, lambda record: RunRecord() if record.runs else record)
        for key in await self._store.scan(ENDED, prefix=key_of(conversation), limit=SCAN_PAGE):
            await self._store.delete(ENDED, key)
        return emptied


def key_of(conversation: str) -> str:
    """The key of a conversation's record: a digest, since a key may not reveal a conversation that was deleted."""
    return blake2b(conversation.encode(), digest_size=16).hexdigest()


def _ended_key(conversation: str, run_id: str) -> str:
    return f"{key_of(conversation)}.{blake2b(run_id.encode(), digest_size=16).hexdigest()}"


def _record(value: bytes) -> RunRecord:
    return _decoded(value, RunRecord) or RunRecord()


def _decoded(value: bytes, kind: type[T]) -> T | None:
    try:
        return decode_bounded(msgspec.json.Decoder(kind), value)
    except msgspec.DecodeError as error:
        log.warning("a record of runs cannot be read, and counts as empty: %s", error)
        return None


__all__ = ["EMPTY_KEPT", "ENDED", "ENDED_KEPT", "RUNS", "SCAN_PAGE", "TRIES", "RunRecords", "VersionedRuns", "key_of"]
