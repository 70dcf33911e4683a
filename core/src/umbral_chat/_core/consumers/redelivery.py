"""Dead letters that are tried again, on whichever instance notices it first."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat._core.consumers.lease import LeaseLost, run_with_lease
from umbral_chat._core.consumers.tries import Tries, failed
from umbral_chat._core.runtime.tasks import being_cancelled
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.entries import Entry
from umbral_chat.providers.consumers import DeadLetter
from umbral_chat.providers.edges import Consumer

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Conversations whose letters are tried at once: operators retry many after an outage of the receiver."""

LEASE = 30.0
"""Seconds after which a letter of an instance that died is tried by another."""


class Redelivery:
    """Passes the letters that are marked for it to the consumer, each under the lease of its conversation."""

    def __init__(self, consumer: Consumer, backlog: Backlog, *, holder: str) -> None:
        self._consumer = consumer
        self._backlog = backlog
        # Another holder than the one that works through the log: the same one would be given the lease twice.
        self._holder = f"{holder}:retry"

    async def run(self) -> bool:
        """Try each marked letter once; whether none is left that is marked. Raises HistoryUnavailable."""
        by_conversation: dict[str, list[DeadLetter]] = {}
        for letter in await self._backlog.dead.list():
            if letter.retry:
                by_conversation.setdefault(letter.conversation, []).append(letter)
        places = asyncio.Semaphore(AT_ONCE)

        async def limited(letters: list[DeadLetter]) -> bool:
            async with places:
                return await self._conversation(letters)

        tries = (limited(letters) for letters in by_conversation.values())
        outcomes = await asyncio.gather(*tries, return_exceptions=True)  # none goes on beside the next run
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return all(outcomes)

    async def _conversation(self, letters: list[DeadLetter]) -> bool:
        backlog = self._backlog
        try:
            done = await run_with_lease(
                backlog.store,
                backlog.cursors.lease_name(letters[0].conversation),
                self._holder,
                LEASE,
                lambda _: self._deliver(letters),
            )
        except LeaseLost:
            return False
        return done is not None

    async def _deliver(self, letters: list[DeadLetter]) -> bool:
        for letter in letters:
            found = await self._backlog.dead.load(letter)
            if found is not None and found[0].retry:
                await self._try(*found)
        return True

    async def _try(self, letter: DeadLetter, version: int) -> None:
        entry = await entry_of(self._backlog, letter)
        if entry is None:
            await self._backlog.dead.remove(letter)  # its log is gone
            return
        try:
            await self._consumer.handle(letter.conversation, letter.epoch, entry)
        except HistoryUnavailable:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and being_cancelled():
                raise
            before = Tries(letter.seq, letter.tries, letter.first_at, letter.last_at, letter.reason)
            tries = failed(before, letter.seq, error, self._backlog.clock.now())
            self._backlog.failed(tries)
            log.warning(
                "consumer %s: the retry of entry %d of %s failed: %s",
                *(self._backlog.name, letter.seq, letter.conversation, tries.reason),
            )
            await self._backlog.dead.replace(after_try(letter, tries), expect=version)
        else:
            await self._backlog.dead.remove(letter)


async def entry_of(backlog: Backlog, letter: DeadLetter) -> Entry | None:
    """The entry as it is in the log now; None: that log is gone. Raises HistoryUnavailable."""
    page = await backlog.read(letter.conversation, letter.seq - 1, 1)
    if page is None or page.head is None or page.head.epoch != letter.epoch or not page.entries:
        return None
    return page.entries[0]


def after_try(letter: DeadLetter, tries: Tries) -> DeadLetter:
    """The letter after one more failed try: it is not tried again by itself."""
    return msgspec.structs.replace(letter, reason=tries.reason, last_at=tries.last_at, tries=tries.count, retry=False)


__all__ = ["Redelivery", "after_try", "entry_of"]
