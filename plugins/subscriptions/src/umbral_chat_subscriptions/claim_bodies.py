"""The bodies of requests and answers about claims."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, field
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit import asgi
from umbral_chat.providers.consumers import (
    CLAIMS_AT_ONCE,
    ENTRIES_A_CLAIM,
    LONGEST_DELAY,
    LONGEST_LEASE,
    REASON_LIMIT,
    SHORTEST_LEASE,
    Claim,
)

from umbral_chat_subscriptions.bodies import StrictBody, check_seconds
from umbral_chat_subscriptions.events import Event, end_event, entry_event

LONGEST_WAIT = 300.0
"""Seconds that a claim may ask to wait for; it waits for `subscriptions.longest_wait` at most."""

LEASE = 60.0

CLAIM_ID_LIMIT = 512
"""Longest id of a claim that is taken, in characters."""

LONGEST_REASON = 2_000
"""Longest reason of a failure that is taken, in characters: messages of errors are long, and not to be cut by whoever
reports them. The first `REASON_LIMIT` are kept."""

NO_REASON = "reported as failed"
"""The reason of a failure that was reported without one."""


class ClaimBody(StrictBody, frozen=True):
    """What to claim."""

    max: Annotated[int, Meta(description=f"Most claims, each of another conversation: 1 to {CLAIMS_AT_ONCE}.")] = 1
    entries: Annotated[int, Meta(description=f"Most entries of one claim: 1 to {ENTRIES_A_CLAIM}.")] = ENTRIES_A_CLAIM
    wait: Annotated[
        float,
        Meta(description="Seconds to wait for the first one; at most `subscriptions.longest_wait`."),
    ] = 0.0
    lease: Annotated[
        float,
        Meta(
            description=f"Seconds until an unacknowledged claim is given to the next: {SHORTEST_LEASE:g} to "
            f"{LONGEST_LEASE:g}."
        ),
    ] = LEASE

    def check(self) -> None:
        """Raises InvalidRequest with the field."""
        asgi.check_bounds(self.max, field="max", least=1, most=CLAIMS_AT_ONCE)
        asgi.check_bounds(self.entries, field="entries", least=1, most=ENTRIES_A_CLAIM)
        check_seconds(self.wait, "wait", 0.0, LONGEST_WAIT)
        check_seconds(self.lease, "lease", SHORTEST_LEASE, LONGEST_LEASE)


class AckBody(StrictBody, frozen=True):
    """Claims whose entries were handled."""

    claim_ids: list[str]

    def check(self) -> None:
        """Raises InvalidRequest with the field."""
        _check_claim_ids(self.claim_ids)


class ReleaseBody(StrictBody, frozen=True):
    """Claims that are given back."""

    claim_ids: list[str]
    delay: Annotated[float, Meta(description="Seconds before their entries are given again.")] = 0.0
    failed: Annotated[
        bool,
        Meta(
            description="Whether the first entry of each could not be handled: that counts as a try, which is "
            "followed by a growing pause, and after `core.consumers.tries` of them the entry is given up."
        ),
    ] = False
    reason: Annotated[
        str | None,
        Meta(
            description="Why it failed, for `last_error` and the dead letter; one line of at most "
            f"{REASON_LIMIT} characters is kept of it. It should quote no entry."
        ),
    ] = None

    def check(self) -> None:
        """Raises InvalidRequest with the field."""
        _check_claim_ids(self.claim_ids)
        check_seconds(self.delay, "delay", 0.0, LONGEST_DELAY)
        if self.reason is None:
            return
        if not self.failed:
            raise InvalidRequest("reason is that of a failure: set failed, too.", code="invalid_field", field="reason")
        if len(self.reason) > LONGEST_REASON:
            raise InvalidRequest(
                f"reason has at most {LONGEST_REASON} characters.",
                code="invalid_field",
                field="reason",
                limit=LONGEST_REASON,
            )

    @property
    def failure(self) -> str | None:
        """Why it failed; None: it did not."""
        return (self.reason or NO_REASON) if self.failed else None


class ClaimView(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one conversation, in order. It gives no other claim until this one ends."""

    claim_id: str
    conversation: str
    entries: list[Event]
    lease_until: datetime

    @classmethod
    def of(cls, subscription: str, claim: Claim) -> ClaimView:
        """The view of a claim of the subscription with this id."""
        if claim.end is not None:
            return cls.with_events(claim, [end_event(subscription, claim.conversation, claim.end)])
        events = [entry_event(subscription, claim.conversation, claim.epoch, entry) for entry in claim.entries]
        return cls.with_events(claim, events)

    @classmethod
    def with_events(cls, claim: Claim, events: list[Event]) -> ClaimView:
        """The view of a claim that holds these."""
        return cls(claim_id=claim.id, conversation=claim.conversation, entries=events, lease_until=claim.lease_until)


class ClaimList(msgspec.Struct, frozen=True):
    """What was claimed; empty: there was nothing in time."""

    claims: list[ClaimView] = field(default_factory=list)


def _check_claim_ids(claim_ids: list[str]) -> None:
    if not 1 <= len(claim_ids) <= CLAIMS_AT_ONCE or max(map(len, claim_ids)) > CLAIM_ID_LIMIT:
        raise InvalidRequest(
            f"claim_ids has 1 to {CLAIMS_AT_ONCE} ids of claims.",
            code="invalid_field",
            field="claim_ids",
            limit=CLAIMS_AT_ONCE,
        )


__all__ = ["AckBody", "ClaimBody", "ClaimList", "ClaimView", "ReleaseBody"]
