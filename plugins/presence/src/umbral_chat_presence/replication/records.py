"""What instances store for each other: heartbeats and rosters, and the key of the names."""

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
"""Seconds that one call may take."""

SCAN = 1000
"""Records of one scan. More rosters than that of one conversation are read instance by instance."""


class PresenceRecords:
    """The records of presence. Each call raises HistoryUnavailable when the store does not answer in time.

    `beat/INSTANCE` are heartbeats, `roster/CONVERSATION/INSTANCE/PART` rosters: one scan reads a conversation."""

    def __init__(self, store: SharedStore, clock: Clock, instance: str) -> None:
        self._store = store
        self._clock = clock
        self._instance = instance
        self._parts: dict[str, int] = {}
        """Parts of this instance's rosters, where there are more than one."""

    async def pseudonym_key(self) -> bytes:
        """The key of the names, drawn by whoever is first. Raises StoreError when it is none."""
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
        """Store this instance's heartbeat, which lapses after `ttl` seconds."""
        value = heartbeats.encoder.encode(heartbeat)
        await self._call(self._store.put(NAMESPACE, f"beat/{self._instance}", value, ttl=ttl))

    async def read_heartbeats(self) -> dict[str, Heartbeat]:
        """The heartbeats of all others that can be read."""
        found = {}
        for key, record in (await self._call(self._store.scan(NAMESPACE, prefix="beat/", limit=SCAN))).items():
            instance = key.removeprefix("beat/")
            try:
                if instance != self._instance:
                    found[instance] = decode_bounded(heartbeats.decoder, record.value)
            except msgspec.MsgspecError:  # of another version: it cannot be understood, and is no failure of the store
                continue
        return found

    async def write_roster(self, conversation: str, roster: Roster, number: int, ttl: float = ROSTER_TTL) -> None:
        """Store what this instance says of a conversation."""
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
        """What every instance says of a conversation; None of one whose roster is being written. `instances` are the
        others that are known to live."""
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
