"""On which topics the members of conversations listen now, remembered for a few seconds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

import msgspec
from umbral_chat.clock import Clock

from umbral_chat_realtime_supabase import answers
from umbral_chat_realtime_supabase.calls import Calls

CAPACITY = 4_096
"""Conversations remembered, at some 300 bytes each: drafts are written in few at a time."""


class MemberTopics:
    """Asks for many in one call, and for the same one again after `ttl` seconds."""

    def __init__(self, calls: Calls, clock: Clock, *, ttl: float, capacity: int = CAPACITY) -> None:
        self._calls, self._clock, self._ttl, self._capacity = calls, clock, ttl, capacity
        self._known: OrderedDict[str, tuple[str | None, float]] = OrderedDict()

    async def find(self, conversations: Collection[str]) -> dict[str, str]:
        """Topics by conversation, at most `ttl` seconds old; without those that have nobody to tell, or are told
        nothing. Raises HistoryUnavailable."""
        # From the moment of asking: the answer may be as old as that.
        now = self._clock.monotonic()
        known = {each: self._known[each][0] for each in conversations if self._until(each) > now}
        if unknown := [each for each in conversations if each not in known]:
            asked = msgspec.json.encode(unknown).decode()
            found = (await self._calls.call(answers.Topics, "member_topics", conversations=asked)).topics
            for each in unknown:
                known[each] = found.get(each)
                self._known[each] = (known[each], now + self._ttl)
                self._known.move_to_end(each)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)
        return {each: topic for each, topic in known.items() if topic is not None}

    def _until(self, conversation: str) -> float:
        found = self._known.get(conversation)
        return float("-inf") if found is None else found[1]


__all__ = ["CAPACITY", "MemberTopics"]
