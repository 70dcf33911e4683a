"""Rules of form for what callers send. Pure; each raises InvalidRequest with the field and its limit."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.entries import Member, Sender
from umbral_chat.model.ids import ID_LIMIT

NAME_LIMIT = 200
"""Longest name of a sender or member, and title of a conversation, in characters."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""No entry is older: earlier times are mistakes of a conversion."""

MEMBERS_LIMIT = 500
"""Most members of a conversation."""

_MESSAGE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")


def check_text(value: str, *, field: str, limit: int, least: int = 1) -> str:
    """Text of `least` to `limit` characters without NUL, which neither SQLite's nor PostgreSQL's text functions
    bear. Codes `invalid_field` and `nul_character`."""
    if "\0" in value:
        raise InvalidRequest(f"{field} holds a NUL character.", code="nul_character", field=field)
    if not least <= len(value) <= limit:
        raise InvalidRequest(
            f"{field} has {len(value)} characters; {least} to {limit} are allowed.",
            code="invalid_field",
            field=field,
            limit=limit if len(value) > limit else least,
        )
    return value


def check_message_id(value: str, *, field: str = "message_id") -> str:
    """1–128 of `A-Z a-z 0-9 . _ : -`, since it stands in URLs; not `.` or `..`."""
    if _MESSAGE_ID.match(value) and value not in {".", ".."}:
        return value
    raise InvalidRequest(
        f"{field} has 1 to {ID_LIMIT} of the characters A-Z a-z 0-9 . _ : - and is not '.' or '..'.",
        code="invalid_field",
        field=field,
        limit=ID_LIMIT,
    )


def check_metadata(value: dict[str, Any] | None, *, limit: int) -> dict[str, Any] | None:
    """An object of at most `limit` bytes of JSON, without NUL. Codes `metadata_too_large`, `nul_character`."""
    if value is not None:
        encoded = msgspec.json.encode(value)
        if len(encoded) > limit:
            raise InvalidRequest(
                f"metadata has {len(encoded)} bytes of JSON; {limit} are allowed.",
                code="metadata_too_large",
                field="metadata",
                limit=limit,
            )
        if rb"\u0000" in encoded and _holds_nul(value):
            raise InvalidRequest("metadata holds a NUL character.", code="nul_character", field="metadata")
    return value


def check_original_time(value: datetime, *, now: datetime) -> datetime:
    """The time of an imported entry in UTC: from 1970 on, and not after `now`. Codes `invalid_field` and
    `time_in_future`."""
    if value > now:
        raise InvalidRequest(
            f"at is {value.isoformat()}, which has not come yet: here it is {now.isoformat()}.",
            code="time_in_future",
            field="at",
        )
    if value < EPOCH:
        raise InvalidRequest("at is before 1970.", code="invalid_field", field="at", limit=0)
    return value.astimezone(UTC)


def check_sender(sender: Sender | None) -> Sender | None:
    """The sender's id and name are within their bounds."""
    if sender is not None:
        if sender.id is not None:
            check_text(sender.id, field="sender.id", limit=ID_LIMIT)
        if sender.name is not None:
            check_text(sender.name, field="sender.name", limit=NAME_LIMIT)
    return sender


def check_members(members: list[Member]) -> list[Member]:
    """Within bounds, each subject once."""
    if len(members) > MEMBERS_LIMIT:
        raise InvalidRequest(
            f"{len(members)} members; {MEMBERS_LIMIT} are allowed.",
            code="invalid_field",
            field="members",
            limit=MEMBERS_LIMIT,
        )
    seen: set[str] = set()
    for index, member in enumerate(members):
        check_text(member.subject, field=f"members[{index}].subject", limit=ID_LIMIT)
        if member.name is not None:
            check_text(member.name, field=f"members[{index}].name", limit=NAME_LIMIT)
        if member.subject in seen:
            raise InvalidRequest(
                f"{member.subject!r} is a member twice.", code="invalid_field", field=f"members[{index}].subject"
            )
        seen.add(member.subject)
    return members


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
        case list():
            return any(_holds_nul(item) for item in value)
        case _:
            return False


__all__ = [
    "MEMBERS_LIMIT",
    "NAME_LIMIT",
    "check_members",
    "check_message_id",
    "check_metadata",
    "check_original_time",
    "check_sender",
    "check_text",
]
