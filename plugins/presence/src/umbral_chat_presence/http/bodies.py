"""The bodies of requests and responses. An unknown field of a request is an error that names it."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType
from umbral_chat.model.entries import Role, Sender
from umbral_chat.providers.presence import (
    DEVICE,
    Availability,
    PersonHere,
    PersonSeen,
    PersonTyping,
    PresenceState,
)

AsWhom = Annotated[Sender | None, Meta(description="The person; another than oneself only with `send_as`.")]

ROLES: tuple[Role, ...] = get_args(Role)


class PresenceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state that a device reports. All fields are optional."""

    status: Annotated[Availability, Meta(description="`online`, `away` or `busy`.")] = "online"
    device: Annotated[
        str,
        Meta(description="Distinguishes a person's tabs and phones; 1 to 64 printable characters."),
    ] = DEVICE
    metadata: Annotated[
        dict[str, Any] | None, Meta(description="A little data about the device, at most `presence.metadata_bytes`.")
    ] = None
    invisible: Annotated[
        bool, Meta(description="The person is neither counted nor shown, with any of its devices.")
    ] = False
    ttl: Annotated[
        float | None,
        Meta(description="Seconds until it expires unless it is renewed, 5 to `presence.longest_ttl`."),
    ] = None
    sender: AsWhom = None


class TypingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person types, or stopped. All fields are optional."""

    typing: Annotated[bool, Meta(description="False: stopped.")] = True
    seconds: Annotated[
        float | None,
        Meta(description="Seconds until it ends by itself; `presence.typing_ttl`, or the assistant's, when left out."),
    ] = None
    sender: AsWhom = None


class RenewalView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a report."""

    person: Annotated[str, Meta(description="The name under which the lists show this person.")]
    device: str
    expires_in: Annotated[float, Meta(description="Seconds after which the device expires unless it is renewed.")]
    renew_in: Annotated[float, Meta(description="Seconds after which it should report again.")]
    listed: Annotated[bool, Meta(description="False: so many people are present that only counts are reported.")]


class LeftView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a leave."""

    left: Annotated[bool, Meta(description="Whether it was here.")]


class PresenceView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is here and who types, as the caller may see it."""

    conversation: str
    version: Annotated[
        str, Meta(description="Send it as `presence` with a poll, which returns the list if it changed.")
    ]
    count: int
    counts: Annotated[dict[Role, int], Meta(description="People by role, of every role.")]
    listed: Annotated[bool, Meta(description="False: so many people are present that only counts are reported.")]
    people: list[PersonHere]
    typing: list[PersonTyping]
    last_seen: Annotated[
        list[PersonSeen] | UnsetType, Meta(description="Who left lately; only with the right `last_seen`.")
    ] = UNSET

    @classmethod
    def of(cls, conversation: str, state: PresenceState) -> PresenceView:
        """The view of `state`."""
        here = state.presence
        return cls(
            conversation=conversation,
            version=here.version,
            count=here.count,
            counts={role: here.counts.get(role, 0) for role in ROLES},
            listed=here.listed,
            people=here.people,
            typing=state.typing,
            last_seen=here.last_seen,
        )


__all__ = ["ROLES", "LeftView", "PresenceBody", "PresenceView", "RenewalView", "TypingBody"]
