"""The lists that viewers see. Pure."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import get_args

import msgspec
from umbral_chat.model.entries import Role
from umbral_chat.providers.presence import PersonHere, PresenceList

from umbral_chat_presence.state.people import Person

ROLES: tuple[Role, ...] = get_args(Role)

_encoder = msgspec.json.Encoder()


def listing_of(
    people: Iterable[Person], counts: Mapping[Role, int], *, limit: int, hidden: Collection[Role] | None
) -> PresenceList:
    """The list of `people`, all of whom are visible. `hidden` roles are left out; None: for a viewer who sees all roles
    and ids. With more than `limit` people it has counts only."""
    shown_counts = {role: 0 if hidden and role in hidden else counts.get(role, 0) for role in ROLES}
    count = sum(shown_counts.values())
    shown: list[PersonHere] = []
    if count <= limit:
        summaries = (person.summary for person in people)
        if hidden is None:
            shown = [summary.full for summary in summaries if summary is not None]
        else:
            shown = [
                summary.public for summary in summaries if summary is not None and summary.public.role not in hidden
            ]
        shown.sort(key=lambda one: (one.since, one.person))
    version = _version((count, shown_counts, shown))
    return PresenceList(version=version, count=count, counts=shown_counts, listed=count <= limit, people=shown)


def moment(ms: int) -> datetime:
    """A time in UTC ms."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def _version(content: object) -> str:
    digest = blake2b(_encoder.encode(content), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")


__all__ = ["ROLES", "listing_of", "moment"]
