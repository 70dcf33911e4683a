"""The running consumers as plugins use them: started and stopped at run time, observed, claimed from, cleaned up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from umbral_chat.model.entries import Entry
from umbral_chat.providers.edges import Consumer, LogEnd

ENTRIES_A_CLAIM = 100
"""Most entries of one claim."""

CLAIMS_AT_ONCE = 100
"""Most claims that one call gives."""

OPEN_CLAIMS = 1_000
"""Most claims of one consumer that are open at a time."""

SHORTEST_LEASE, LONGEST_LEASE = 1.0, 43_200.0
"""Seconds for which a claim may be held: long enough to be answered, and at most half a day."""

LONGEST_DELAY = 43_200.0
"""Most seconds for which released entries wait."""


REASON_LIMIT = 200
"""Most characters of a stored reason of a failure; a longer one is cut."""


class Failure(msgspec.Struct, frozen=True):
    """The last failure of a consumer. `reason` has nothing of an entry's content in it."""

    at: datetime
    reason: str


class ConsumerState(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer as this instance sees it."""

    name: str
    lag: float
    """Age in seconds of the oldest entry that is known here to be unhandled; 0: none is. What another instance works on
    counts, too."""
    queued: int
    """Conversations that are known here to have unhandled entries."""
    failures: int
    """Tries that failed here since the start."""
    last_error: Failure | None
    """The last failure, on whichever instance, as far as it is stored."""
    dead: int
    """Its dead letters, as of the last look at the store, which is at most a minute old."""
    blocked: bool
    """Whether its dead letters are as many as are kept, so that conversations with further ones wait."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """The reference of an entry that was given up. Its content stays in the log alone."""

    conversation: str
    epoch: str
    seq: int
    reason: str
    first_at: datetime
    """Time of the first try."""
    last_at: datetime
    tries: int
    retry: bool = False
    """Whether it is to be tried again, and was not yet."""


class ClaimConsumer(Protocol):
    """A consumer whose entries are claimed. It may have the abilities of a `Consumer` except `TakesEnds`: the end of a
    log is always given, as a claim."""

    name: str
    """Stable: the cursor is stored under it."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Unhandled entries of one conversation, in order, held by whoever has the id; or the end of its log.

    Until it ends, the conversation gives no other claim. After a failed or expired claim its entries are given in
    claims of half as many, until the one that fails is alone: only that one becomes a dead letter.
    """

    id: str
    """Not to be guessed, and valid at every instance."""
    conversation: str
    epoch: str
    entries: list[Entry]
    end: LogEnd | None = None
    """The end of the log, in place of entries."""
    lease_until: datetime
    tries: int = 0
    """How often the first entry was claimed before and not acknowledged."""


class Claims(Protocol):
    """A consumer's entries, to be claimed. Every method raises HistoryUnavailable."""

    async def claim(
        self, *, maximum: int = 1, entries: int = ENTRIES_A_CLAIM, lease: float = 60.0, wait: float = 0.0
    ) -> list[Claim]:
        """At most `maximum` claims, of different conversations, of at most `entries` entries each, held for `lease`
        seconds. Returns as soon as there is one, and with none after `wait` seconds, or at once when the service
        drains. An append in this process ends the wait at once, one of another instance within about a second.

        Values past the bounds of this module are brought within them. Raises TooManyRequests (`too_many_claims`) when
        `OPEN_CLAIMS` are open.
        """
        ...

    async def ack(self, claim_ids: Sequence[str]) -> None:
        """The entries of these claims were handled. Raises ClaimExpired, with those that were not held any more, after
        the others were taken; a repeat of an answered call raises it, too."""
        ...

    async def release(self, claim_ids: Sequence[str], *, delay: float = 0.0, failed: str | None = None) -> None:
        """Give claims back: their entries are given again, after `delay` seconds. With `failed`, the reason, it counts
        as a try of the first entry, as an expired claim does: they are given again after a growing pause that is at
        least `delay`, and after the bound of tries the entry becomes a dead letter at once, with this reason. Raises
        ClaimExpired as `ack` does."""
        ...

    async def open(self) -> int:
        """How many claims are open now, of whichever instance."""
        ...


class ConsumerService(Protocol):
    """The durable consumers of this service, at run time.

    A consumer runs on every instance that starts it, and each conversation on one of them. What is stored of it is
    stored under its name, and outlives `stop`.
    """

    async def start(self, consumer: Consumer) -> None:
        """Run a consumer until `stop`. A consumer that begins now (`BeginsAt`) and is new to the store misses nothing
        that is appended after this returned, and is passed nothing that was appended before the call.

        Raises Conflict (`consumer_running`) when one of that name runs here, and HistoryUnavailable.
        """
        ...

    async def claims(self, consumer: ClaimConsumer) -> Claims:
        """As `start`, for a consumer whose entries are claimed; `stop` ends it here, and claims that are open stay
        valid until their leases end."""
        ...

    async def stop(self, name: str) -> None:
        """End a consumer at this instance: what it handles now is cancelled, its cursors are stored. Does nothing when
        it does not run here."""
        ...

    async def forget(self, name: str) -> None:
        """Stop a consumer and delete everything stored under its name: cursors, dead letters, claims. Other instances
        stop it within seconds. The name must not be used again: give each new consumer a new one. Raises
        HistoryUnavailable; then it is to be repeated."""
        ...

    def state(self, name: str) -> ConsumerState | None:
        """A consumer that runs here; None: it does not. Neither waits nor reads."""
        ...

    async def dead_letters(self, name: str, *, conversation: str | None = None) -> list[DeadLetter]:
        """A consumer's dead letters, by conversation and seq. Raises HistoryUnavailable."""
        ...

    async def retry(self, name: str, *, conversation: str | None = None, seq: int | None = None) -> int:
        """Have dead letters tried again, out of order as they are, on any instance; how many. One that succeeds is
        removed, one that fails stays. Raises HistoryUnavailable."""
        ...

    async def drop(self, name: str, *, conversation: str | None = None, seq: int | None = None) -> int:
        """Remove dead letters; how many. Raises HistoryUnavailable."""
        ...


__all__ = [
    "CLAIMS_AT_ONCE",
    "ENTRIES_A_CLAIM",
    "LONGEST_DELAY",
    "LONGEST_LEASE",
    "OPEN_CLAIMS",
    "REASON_LIMIT",
    "SHORTEST_LEASE",
    "Claim",
    "ClaimConsumer",
    "Claims",
    "ConsumerService",
    "ConsumerState",
    "DeadLetter",
    "Failure",
]
