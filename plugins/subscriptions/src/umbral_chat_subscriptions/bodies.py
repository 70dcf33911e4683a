"""The bodies of requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, field
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit import asgi
from umbral_chat.providers.consumers import (
    CLAIMS_AT_ONCE,
    ENTRIES_A_CLAIM,
    LONGEST_DELAY,
    LONGEST_LEASE,
    SHORTEST_LEASE,
    Claim,
    ConsumerState,
    Failure,
)

from umbral_chat_subscriptions.events import Event, end_event, entry_event
from umbral_chat_subscriptions.filters import Filter
from umbral_chat_subscriptions.records import NAME, NAME_LIMIT, Subscription

LONGEST_WAIT = 300.0
"""Seconds that a claim may ask to wait for; it waits for `subscriptions.longest_wait` at most."""

LEASE = 60.0

CLAIM_ID_LIMIT = 512
"""Longest id of a claim that is taken, in characters."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class PushBody(_Body, frozen=True):
    """Where events are sent."""

    url: Annotated[str, Meta(description="A URL of https or http, on the public internet or in `core.outbound.allow`.")]


class SubscriptionBody(_Body, frozen=True):
    """A subscription to be made."""

    name: Annotated[
        str, Meta(description=f"1 to {NAME_LIMIT} letters, digits and `. _ -`; a letter or digit comes first.")
    ]
    filter: Filter = Filter()
    start: Annotated[
        Literal["now", "beginning"],
        Meta(description="`now`: what is written from now on; `beginning`: first all that is there."),
    ] = "now"
    push: Annotated[PushBody | None, Meta(description="Send events to a URL. Without: they are claimed.")] = None
    imported: Annotated[bool, Meta(description="Imported entries, too.")] = False

    def check(self) -> None:
        """Raises InvalidRequest with the field."""
        if not NAME.match(self.name):
            raise InvalidRequest(
                f"name has 1 to {NAME_LIMIT} letters, digits and . _ -, and begins with a letter or digit.",
                code="invalid_field",
                field="name",
                limit=NAME_LIMIT,
            )
        self.filter.check()


class PauseBody(_Body, frozen=True):
    """A change of a subscription."""

    paused: Annotated[bool, Meta(description="Whether it waits; it goes on where it stopped.")]


class ClaimBody(_Body, frozen=True):
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
        _check_seconds(self.wait, "wait", 0.0, LONGEST_WAIT)
        _check_seconds(self.lease, "lease", SHORTEST_LEASE, LONGEST_LEASE)


class AckBody(_Body, frozen=True):
    """Claims whose entries were handled."""

    claim_ids: list[str]

    def check(self) -> None:
        """Raises InvalidRequest with the field."""
        _check_claim_ids(self.claim_ids)


class ReleaseBody(_Body, frozen=True):
    """Claims that are given back."""

    claim_ids: list[str]
    delay: Annotated[float, Meta(description="Seconds before their entries are given again.")] = 0.0

    def check(self) -> None:
        """Raises InvalidRequest with the field."""
        _check_claim_ids(self.claim_ids)
        _check_seconds(self.delay, "delay", 0.0, LONGEST_DELAY)


class PushView(msgspec.Struct, frozen=True):
    """Where events are sent."""

    url: str


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as it is now."""

    name: str
    filter: Filter
    start: Literal["now", "beginning"]
    imported: bool
    push: PushView | None
    paused: bool
    created_at: datetime
    consumer: Annotated[str, Meta(description="The name of its consumer, for `umbral-chat consumers`.")]
    lag: Annotated[
        float | None,
        Meta(
            description="Age of the oldest event that is not taken, in seconds, as far as this instance knows. Null: "
            "it does not run here, as while it is paused."
        ),
    ] = None
    last_error: Annotated[Failure | None, Meta(description="Its last failure.")] = None
    dead: Annotated[int | None, Meta(description="Entries that were given up, as of a minute ago at the latest.")] = (
        None
    )
    blocked: Annotated[
        bool, Meta(description="Whether so many were given up that conversations with further ones wait.")
    ] = False

    @classmethod
    def of(cls, subscription: Subscription, state: ConsumerState | None) -> Self:
        """The view; `state` None: it does not run at this instance."""
        push = subscription.push
        return cls(
            name=subscription.name,
            filter=subscription.filter,
            start=subscription.start,
            imported=subscription.imported,
            push=None if push is None else PushView(push.url),
            paused=subscription.paused,
            created_at=subscription.created_at,
            consumer=subscription.consumer,
            lag=None if state is None else state.lag,
            last_error=None if state is None else state.last_error,
            dead=None if state is None else state.dead,
            blocked=state is not None and state.blocked,
        )


class CreatedView(SubscriptionView, frozen=True, kw_only=True):
    """A subscription that was asked for."""

    secret: Annotated[
        str | None,
        Meta(
            description="What its events are signed with, as Standard Webhooks has it. It is not shown again. Null: "
            "the subscription existed before, or has no `push`."
        ),
    ] = None

    def with_secret(self, subscription: Subscription) -> Self:
        """With the secret, once."""
        push = subscription.push
        return self if push is None else msgspec.structs.replace(self, secret=push.secret.reveal())


class SubscriptionList(msgspec.Struct, frozen=True):
    """All of them, by name."""

    subscriptions: list[SubscriptionView]


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
            events = [end_event(subscription, claim.conversation, claim.end)]
        else:
            events = [entry_event(subscription, claim.conversation, claim.epoch, entry) for entry in claim.entries]
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


def _check_seconds(value: float, name: str, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InvalidRequest(
            f"{name} is {value:g} seconds; {least:g} to {most:g} are allowed.",
            code="invalid_field",
            field=name,
            limit=least if value < least else most,
        )


__all__ = [
    "AckBody",
    "ClaimBody",
    "ClaimList",
    "ClaimView",
    "CreatedView",
    "PauseBody",
    "PushBody",
    "ReleaseBody",
    "SubscriptionBody",
    "SubscriptionList",
    "SubscriptionView",
]
