"""Memberships of users in conversations, cached for a few seconds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.entries import Role
from umbral_chat.providers.history import History

from umbral_chat_realtime_supabase.calls import Calls

CAPACITY = 16_384
"""Memberships in the cache, at some 500 bytes each."""

ABSENT_TTL = 1.0
"""Seconds for which a non-membership is cached, so that an added member need not wait long."""


class Membership(msgspec.Struct, frozen=True):
    """A user's membership in a conversation. `role` None: no member. `session` False: signed out; None: unknown.
    `topic`: the topic that the user may join; None: nothing is broadcast there, or the logs are elsewhere."""

    epoch: str | None
    deleted: bool
    role: Role | None
    name: str | None = None
    session: bool | None = None
    topic: str | None = None


Lookup = Callable[[str, str, str | None], Awaitable[Membership]]
"""The membership for a conversation, a subject and a session's id. Raises HistoryUnavailable."""


class Memberships:
    """A cache over `lookup`, which is called at most once for each key at a time, and again after `ttl` seconds. A
    failure is not cached."""

    def __init__(self, lookup: Lookup, clock: Clock, *, ttl: float, capacity: int = CAPACITY) -> None:
        self._lookup, self._clock, self._ttl, self._capacity = lookup, clock, ttl, capacity
        self._cache: OrderedDict[tuple[str, str, str | None], tuple[Membership, float]] = OrderedDict()
        self._pending: dict[tuple[str, str, str | None], asyncio.Task[Membership]] = {}

    def forget(self, conversation: str) -> None:
        """The conversation's members changed: drop its cached memberships, and those that are being looked up."""
        for key in [key for key in self._cache if key[0] == conversation]:
            del self._cache[key]
        for key in [key for key in self._pending if key[0] == conversation]:
            del self._pending[key]

    async def find(self, conversation: str, subject: str, session: str | None) -> Membership:
        """The membership, at most `ttl` seconds old. Raises HistoryUnavailable."""
        key = (conversation, subject, session)
        cached = self._cache.get(key)
        if cached is not None and self._clock.monotonic() < cached[1]:
            self._cache.move_to_end(key)
            return cached[0]
        task = self._pending.get(key)
        if task is None:
            task = self._pending[key] = asyncio.create_task(self._load(key), name="supabase: membership")
        # A caller that is cancelled must not cancel the lookup for the others.
        return await asyncio.shield(task)

    async def _load(self, key: tuple[str, str, str | None]) -> Membership:
        # The age counts from before the call: the answer may be as old as that.
        now = self._clock.monotonic()
        task = asyncio.current_task()
        try:
            found = await self._lookup(*key)
        finally:
            current = self._pending.get(key) is task
            if current:
                del self._pending[key]
        if not current:
            return await self.find(*key)
        self._cache[key] = (found, now + (min(self._ttl, ABSENT_TTL) if found.role is None else self._ttl))
        self._cache.move_to_end(key)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
        return found


def database_lookup(calls: Calls) -> Lookup:
    """Looks up memberships and sessions in the project's database, in one call."""

    async def lookup(conversation: str, subject: str, session: str | None) -> Membership:
        return await calls.call(Membership, "membership", conversation=conversation, subject=subject, session=session)

    return lookup


def history_lookup(history: History) -> Lookup:
    """Looks up memberships in another history, which does not know about sessions."""

    async def lookup(conversation: str, subject: str, _session: str | None) -> Membership:
        try:
            found = await history.conversation(conversation)
        except ConversationDeleted:
            return Membership(epoch=None, deleted=True, role=None)
        if found is None:
            return Membership(epoch=None, deleted=False, role=None)
        for member in found.members:
            if member.subject == subject:
                return Membership(epoch=found.epoch, deleted=False, role=member.role, name=member.name)
        return Membership(epoch=found.epoch, deleted=False, role=None)

    return lookup


__all__ = ["Lookup", "Membership", "Memberships", "database_lookup", "history_lookup"]
