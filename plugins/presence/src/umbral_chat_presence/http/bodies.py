"""The bodies of responses. Those of requests are the core's, since streams take them too."""

from __future__ import annotations

from typing import Annotated, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType
from umbral_chat.model.entries import Role
from umbral_chat.providers.presence import PersonHere, PersonSeen, PersonTyping, PresenceState

ROLES: tuple[Role, ...] = get_args(Role)


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


__all__ = ["ROLES", "LeftView", "PresenceView"]
