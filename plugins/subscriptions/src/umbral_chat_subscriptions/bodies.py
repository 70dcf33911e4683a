"""The bodies of requests and answers about subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta
from umbral_chat.errors import InvalidRequest
from umbral_chat.providers.consumers import ConsumerState, Failure

from umbral_chat_subscriptions.filters import Filter
from umbral_chat_subscriptions.records import NAME, NAME_LIMIT, Kind, Subscription
from umbral_chat_subscriptions.unread.rule import ANSWERS

SHORTEST_AFTER, LONGEST_AFTER = 60.0, 2_592_000.0
"""Seconds for which an answer may be unread: a minute, in which people who are there read it, to 30 days."""


class StrictBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request: a field that it does not know is an error."""


class PushBody(StrictBody, frozen=True):
    """Where events are sent."""

    url: Annotated[str, Meta(description="A URL of https or http, on the public internet or in `core.outbound.allow`.")]


class SubscriptionBody(StrictBody, frozen=True):
    """A subscription to be made."""

    name: Annotated[
        str, Meta(description=f"1 to {NAME_LIMIT} letters, digits and `. _ -`; a letter or digit comes first.")
    ]
    kind: Annotated[
        Kind,
        Meta(
            description="`entries`: each entry. `unread`: for each reader once, the newest message of an assistant or "
            "agent that they have not read within `after` seconds; the next one after they have read it."
        ),
    ] = "entries"
    after: Annotated[
        float | None,
        Meta(
            description="With the kind `unread`, and only with it: the age of the message in seconds, "
            f"{SHORTEST_AFTER:.0f} to {LONGEST_AFTER:.0f}."
        ),
    ] = None
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
        if self.kind == "unread":
            self._check_unread()
        elif self.after is not None:
            raise InvalidRequest("after is for subscriptions of the kind unread.", code="invalid_field", field="after")

    def _check_unread(self) -> None:
        if self.after is None:
            raise InvalidRequest(
                "after is the age in seconds at which a message is unread; the kind unread needs it.",
                code="invalid_field",
                field="after",
            )
        check_seconds(self.after, "after", SHORTEST_AFTER, LONGEST_AFTER)
        if self.filter.kinds is not None:
            raise InvalidRequest(
                "filter.kinds is not for the kind unread, which is about messages.",
                code="invalid_field",
                field="filter.kinds",
            )
        if not set(self.filter.roles or ANSWERS) <= set(ANSWERS):
            raise InvalidRequest(
                "filter.roles names whose messages are to be read, with the kind unread: assistant, agent or both.",
                code="invalid_field",
                field="filter.roles",
            )
        if self.imported:
            raise InvalidRequest(
                "imported is not for the kind unread: imported messages are as old as where they come from.",
                code="invalid_field",
                field="imported",
            )


class PauseBody(StrictBody, frozen=True):
    """A change of a subscription."""

    paused: Annotated[bool, Meta(description="Whether it waits; it goes on where it stopped.")]


class PushView(msgspec.Struct, frozen=True):
    """Where events are sent."""

    url: str


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as it is now."""

    name: str
    kind: Kind = "entries"
    after: Annotated[float | None, Meta(description="Seconds, with the kind `unread`.")] = None
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
    open_claims: Annotated[
        int | None,
        Meta(
            description="Claims that are neither acknowledged, released nor expired, of every instance. Null: its "
            "events are pushed, it does not run here yet, or it is shown in a list."
        ),
    ] = None

    @classmethod
    def of(cls, subscription: Subscription, state: ConsumerState | None, open_claims: int | None = None) -> Self:
        """The view; `state` None: it does not run at this instance."""
        push = subscription.push
        return cls(
            name=subscription.name,
            kind=subscription.kind,
            after=subscription.after,
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
            open_claims=open_claims,
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


def check_seconds(value: float, name: str, least: float, most: float) -> None:
    """Raises InvalidRequest with the field where `value` is not within its bounds."""
    if not least <= value <= most:
        raise InvalidRequest(
            f"{name} is {value:.10g} seconds; {least:.10g} to {most:.10g} are allowed.",
            code="invalid_field",
            field=name,
            limit=least if value < least else most,
        )


__all__ = [
    "LONGEST_AFTER",
    "SHORTEST_AFTER",
    "CreatedView",
    "PauseBody",
    "PushBody",
    "PushView",
    "StrictBody",
    "SubscriptionBody",
    "SubscriptionList",
    "SubscriptionView",
    "check_seconds",
]
