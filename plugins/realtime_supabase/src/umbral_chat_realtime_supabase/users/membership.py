"""Who is a member of what, remembered for a few seconds."""

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
"""Memberships remembered, at some 500 bytes each."""

ABSENT = 1.0
"""Seconds for which it is remembered that somebody is none: who was just added wants in."""


class Membership(msgspec.Struct, frozen=True):
    """What somebody is in a conversation. `role` None: no member. `session` False: signed out; None: cannot be told.
    `topic`: where it may listen by itself; None: nothing is told there, or the logs are elsewhere."""

    epoch: str | None
    deleted: bool
    role: Role | None
    name: str | None = None
    session: bool | None = None
    topic: str | None = None


Lookup = Callable[[str, str, str | None], Awaitable[Membership]]
"""Of a conversation, a subject and a session's id. Raises HistoryUnavailable."""


class Memberships:
    """Asks `lookup` at most once for each at a time, and again after `ttl` seconds. What fails is not remembered."""

    def __init__(self, lookup: Lookup, clock: Clock, *, ttl: float, capacity: int = CAPACITY) -> None:
        self._lookup, self._clock, self._ttl, self._capacity = lookup, clock, ttl, capacity
        self._known: OrderedDict[tuple[str, str, str | None], tuple[Membership, float]] = OrderedDict()
        self._asked: dict[tuple[str, str, str | None], asyncio.Task[Membership]] = {}

    def forget(self, conversation: str) -> None:
        """Its members are others now: what is known of it, or being asked, is of before."""
        for name in [name for name in self._known if name[0] == conversation]:
            del self._known[name]
        for name in [name for name in self._asked if name[0] == conversation]:
            del self._asked[name]

    async def find(self, conversation: str, subject: str, session: str | None) -> Membership:
        """What is known, at most `ttl` seconds old. Raises HistoryUnavailable."""
        name = (conversation, subject, session)
        known = self._known.get(name)
        if known is not None and self._clock.monotonic() < known[1]:
            self._known.move_to_end(name)
            return known[0]
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._ask(name), name="supabase: membership")
        # One who goes away must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, name: tuple[str, str, str | None]) -> Membership:
        # From the moment of asking: the answer may be as old as that.
        now = self._clock.monotonic()
        task = asyncio.current_task()
        try:
            found = await self._lookup(*name)
        finally:
            current = self._asked.get(name) is task
            if current:
                del self._asked[name]
        if not current:
            return await self.find(*name)
        self._known[name] = (found, now + (min(self._ttl, ABSENT) if found.role is None else self._ttl))
        self._known.move_to_end(name)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return found


def of_database(calls: Calls) -> Lookup:
    """Memberships and sessions from the project's database, in one call."""

    async def lookup(conversation: str, subject: str, session: str | None) -> Membership:
        return await calls.call(Membership, "membership", conversation=conversation, subject=subject, session=session)

    return lookup


def of_history(history: History) -> Lookup:
    """Memberships from another history, which knows nothing of sessions."""

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


__all__ = ["Lookup", "Membership", "Memberships", "of_database", "of_history"]
