"""Claims of unread answers: what a claim holds is found when it is given, and one that holds nothing is not given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbral_chat.errors import ClaimExpired, HistoryUnavailable

from umbral_chat_subscriptions.claim_bodies import ClaimBody, ClaimView

if TYPE_CHECKING:
    from umbral_chat.clock import Clock
    from umbral_chat.providers.consumers import Claim, Claims

    from umbral_chat_subscriptions.events import Event
    from umbral_chat_subscriptions.unread.finding import UnreadAnswers

log = logging.getLogger(__name__)

SEARCH_SECONDS = 2.0
"""Seconds for which a call goes through answers that everybody has read, beyond the time that it waits."""

RELEASE_TIMEOUT = 2.0
"""Seconds that giving back may take what was not given in the end; its lease ends it otherwise."""


class UnreadClaims:
    """Gives the claims of one subscription."""

    def __init__(self, claims: Claims, answers: UnreadAnswers, clock: Clock) -> None:
        self._claims = claims
        self._answers = answers
        self._clock = clock

    async def give(self, body: ClaimBody, wait: float) -> list[ClaimView]:
        """At most `body.max` claims, each with an event for each reader. Raises what `Claims.claim` raises."""
        deadline = self._clock.monotonic() + wait
        search_until = deadline + SEARCH_SECONDS
        while True:
            left = max(0.0, deadline - self._clock.monotonic())
            found = await self._claims.claim(maximum=body.max, entries=body.entries, lease=body.lease, wait=left)
            views = await self._views(found)
            if views or not found or self._clock.monotonic() >= search_until:
                return views

    async def _views(self, claims: Sequence[Claim]) -> list[ClaimView]:
        views: list[ClaimView] = []
        handled: list[str] = []
        try:
            for claim in claims:
                events = await self._events(claim)
                if events:
                    views.append(ClaimView.with_events(claim, events))
                else:
                    handled.append(claim.id)
            if handled:
                await self._claims.ack(handled)
        except ClaimExpired:
            return views  # it took longer than its lease: the next look finds it again
        except BaseException:
            await asyncio.shield(self._give_back([claim.id for claim in claims]))
            raise
        return views

    async def _events(self, claim: Claim) -> list[Event]:
        if claim.end is not None:
            await self._answers.reports.forget(claim.conversation)
            return []
        found: list[Event] = []
        for entry in claim.entries:
            found += await self._answers.events(claim.conversation, claim.epoch, entry)
        return found

    async def _give_back(self, claim_ids: Sequence[str]) -> None:
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                await self._claims.release(claim_ids)
        except (ClaimExpired, HistoryUnavailable, TimeoutError) as error:
            log.debug("claims that were not given are given again when their leases end: %s", error)


__all__ = ["UnreadClaims"]
