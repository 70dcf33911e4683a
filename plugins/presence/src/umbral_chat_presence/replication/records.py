"""The records in the shared store: heartbeats, rosters, and the key of the pseudonyms."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from itertools import groupby
from typing import TypeVar

import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, StoreError
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.store import SharedStore

from umbral_chat_presence.replication import heartbeats
from umbral_chat_presence.replication.heartbeats import Heartbeat
from umbral_chat_presence.replication.roster_parts import StoredRoster, pack, unpack
from umbral_chat_presence.replication.roster_schedule import ROSTER_TTL
from umbral_chat_presence.state.pseudonyms import KEY_BYTES
from umbral_chat_presence.state.roster import Roster
from umbral_chat_presence.waits import within

T = TypeVar("T")

NAMESPACE = "presence"

TIMEOUT = 5.0
"""Seconds that one call of the store may take."""

SCAN = 1000
"""Most records of one scan. A conversation with more roster parts is read instance by instance."""


class PresenceRecords:
    """Reads and writes the records. Each call raises HistoryUnavailable when the store does not answer in time.

    `beat/INSTANCE` are heartbeats, `roster/CONVERSATION/INSTANCE/PART` rosters: one scan reads a conversation."""

    def __init__(self, store: SharedStore, clock: Clock, instance: str) -> None:
        self._store = store
        self._clock = clock
        self._instance = instance
        self._parts: dict[str, int] = {}
        """Number of parts of this instance's stored roster by conversation, where it is more than one."""

    async def pseudonym_key(self) -> bytes:
        """The key of the pseudonyms, drawn by the first instance. Raises StoreError when the record is no such key."""
        record = await self._call(self._store.get(NAMESPACE, "names"))
        if record is None:
            drawn = secrets.token_bytes(KEY_BYTES)
            await self._call(self._store.compare_and_set(NAMESPACE, "names", drawn, expect=0))
            record = await self._call(self._store.get(NAMESPACE, "names"))
        if record is None or len(record.value) != KEY_BYTES:
            raise StoreError(
                "The shared store's record presence/names is not a key that this service drew. Delete the record and "
                "restart: people get new opaque names."
            )
        return record.value

    async def write_heartbeat(self, heartbeat: Heartbeat, ttl: float) -> None:
        """Store this instance's heartbeat, which expires after `ttl` seconds."""
        value = heartbeats.encoder.encode(heartbeat)
        await self._call(self._store.put(NAMESPACE, f"beat/{self._instance}", value, ttl=ttl))

    async def read_heartbeats(self) -> dict[str, Heartbeat]:
        """The heartbeats of all other instances that can be decoded."""
        found = {}
        for key, record in (await self._call(self._store.scan(NAMESPACE, prefix="beat/", limit=SCAN))).items():
            instance = key.removeprefix("beat/")
            try:
                if instance != self._instance:
                    found[instance] = decode_bounded(heartbeats.decoder, record.value)
            except msgspec.MsgspecError:  # of another version, and no failure of the store
                continue
        return found

    async def write_roster(self, conversation: str, roster: Roster, number: int, ttl: float = ROSTER_TTL) -> None:
        """Store this instance's roster of a conversation; it expires after `ttl` seconds."""
        parts = pack(roster, number)
        for index, part in enumerate(parts):
            key = f"roster/{conversation}/{self._instance}/{index:04}"
            await self._call(self._store.put(NAMESPACE, key, part, ttl=ttl))
        before = self._parts.pop(conversation, 1)
        if len(parts) > 1:
            self._parts[conversation] = len(parts)
        for index in range(len(parts), before):
            await self._call(self._store.delete(NAMESPACE, f"roster/{conversation}/{self._instance}/{index:04}"))

    async def read_rosters(self, conversation: str, instances: list[str]) -> dict[str, StoredRoster | None]:
        """Each instance's roster of a conversation; None for one that is incomplete, as it is being written.
        `instances` are the other instances that are alive."""
        prefix = f"roster/{conversation}/"
        found = await self._call(self._store.scan(NAMESPACE, prefix=prefix, limit=SCAN))
        if len(found) == SCAN:
            found = {}
            for instance in instances:
                found |= await self._call(self._store.scan(NAMESPACE, prefix=f"{prefix}{instance}/", limit=SCAN))
        owners = groupby(found, key=lambda key: key.split("/")[2])
        return {owner: unpack(found[key].value for key in keys) for owner, keys in owners}

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await within(self._clock, TIMEOUT, call)
        except TimeoutError:
            raise HistoryUnavailable(f"The shared store did not answer within {TIMEOUT:g} s.") from None


__all__ = ["NAMESPACE", "SCAN", "TIMEOUT", "PresenceRecords"]
