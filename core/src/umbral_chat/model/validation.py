"""Validation of what callers send. Pure; each function raises InvalidRequest with the field and its limit."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.attachments import attachments
from umbral_chat.model.depth import DEPTH, too_deep, value_is_deeper
from umbral_chat.model.display_names import clean_name
from umbral_chat.model.entries import Member, Sender
from umbral_chat.model.ids import ID_CHARACTERS, ID_LIMIT, is_id
from umbral_chat.model.internal import is_internal

NAME_LIMIT = 200
"""Longest name of a sender or member, and title of a conversation, in characters."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Lower bound of times: earlier ones are errors of a conversion."""

REASON_LIMIT = 200
"""Longest reason of a run's end, and label of its progress, in characters: one line in a narrow window."""

INTEGER_LEAST, INTEGER_MOST = -(2**53), 2**53
"""Bounds of whole numbers. Software that reads JSON numbers as doubles, as browsers and some database layers do,
changes numbers beyond these (RFC 7493, 2.2), and turns the longest into null."""

_MANY_DIGITS = re.compile(rb"[0-9]{16}")
"""As many digits as the shortest whole number beyond the bounds."""

MEMBERS_LIMIT = 500
"""Most members of a conversation."""

ASSIGNEE_WORDS = frozenset({"none", "me"})
"""What the inbox's filter `assignee` takes beside subjects: no one, and the caller."""

SEARCH_LIMIT = 200
"""Longest text that the inbox is searched for, in characters: as long as a title."""


def check_text(value: str, *, field: str, limit: int, least: int = 1) -> str:
    """Text of `least` to `limit` characters without NUL, which the text functions of SQLite and PostgreSQL do
    not support. Codes `invalid_field` and `nul_character`."""
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


def check_content(value: str | None, metadata: dict[str, Any] | None, *, limit: int) -> str:
    """The text of a message: 1 to `limit` characters, or none where its metadata has attachments. Codes
    `missing_field`, `invalid_field`, `nul_character`."""
    if value:
        return check_text(value, field="content", limit=limit)
    if attachments(metadata):
        return ""
    mend = "A message needs text, or metadata.attachments: a list of objects that each have `url` or `id`."
    if value is None:
        raise InvalidRequest(f"content is missing. {mend}", code="missing_field", field="content")
    raise InvalidRequest(f"content is empty. {mend}", code="invalid_field", field="content", limit=1)


def check_message_id(value: str, *, field: str = "message_id") -> str:
    """Return `value` if it is a valid message id (see `is_id`): it is part of URLs."""
    if is_id(value):
        return value
    raise InvalidRequest(
        f"{field} has 1 to {ID_LIMIT} of the characters {ID_CHARACTERS} and is not '.' or '..'. Other characters are "
        "written as ~ and two hexadecimal digits for each byte of UTF-8 (/ is ~2F).",
        code="invalid_field",
        field=field,
        limit=ID_LIMIT,
    )


def check_line(value: str, *, field: str, limit: int) -> str:
    """One line of 1 to `limit` printable characters. Codes `invalid_field`, `nul_character`."""
    if not check_text(value, field=field, limit=limit).isprintable():
        raise InvalidRequest(
            f"{field} is one line, without line breaks and other control characters.", code="invalid_field", field=field
        )
    return value


def check_reason(value: str | None) -> str | None:
    """Why a run ended, or is to end: one line, if given. Codes `invalid_field`, `nul_character`."""
    return None if value is None else check_line(value, field="reason", limit=REASON_LIMIT)


def check_metadata(value: dict[str, Any] | None, *, limit: int, depth: int = DEPTH) -> dict[str, Any] | None:
    """An object of at most `limit` bytes of JSON, without NUL, that fits into a body of `depth` levels, with numbers
    that every store returns unchanged. Codes `metadata_too_large`, `nul_character`, `too_deep`,
    `invalid_number`."""
    if value is not None:
        if value_is_deeper(value, depth - 1):
            raise too_deep(depth, field="metadata")
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
        # Only text with that many digits, or with a null, can have a number that is refused.
        if (b"null" in encoded or _MANY_DIGITS.search(encoded)) and _holds_odd_number(value):
            raise InvalidRequest(
                f"metadata holds a number that cannot be stored: whole numbers are from {INTEGER_LEAST} to "
                f"{INTEGER_MOST}, others finite. Send it as text.",
                code="invalid_number",
                field="metadata",
            )
    return value


def check_assignee(value: str, *, field: str = "assignee") -> str:
    """The subject of an agent. `none` and `me` mean something else in a query, so no agent is called that. Codes
    `invalid_field`, `nul_character`."""
    if value in ASSIGNEE_WORDS:
        raise InvalidRequest(
            f"{field} is {value!r}, which no agent is called: the inbox's filter means something else by it.",
            code="invalid_field",
            field=field,
        )
    return check_text(value, field=field, limit=ID_LIMIT)


def check_original_time(value: datetime, *, now: datetime) -> datetime:
    """The time of an imported entry in UTC: from 1970 on, and not after `now`. Codes `invalid_field` and
    `time_in_future`."""
    if value > now:
        raise InvalidRequest(
            f"at is {value.isoformat()}, which is in the future: the time here is {now.isoformat()}.",
            code="time_in_future",
            field="at",
        )
    if value < EPOCH:
        raise InvalidRequest("at is before 1970.", code="invalid_field", field="at", limit=0)
    return value.astimezone(UTC)


def check_sender(sender: Sender | None) -> Sender | None:
    """The sender with its name cleaned (`display_names`), if its id and name are within their bounds."""
    if sender is not None:
        if sender.id is not None:
            check_text(sender.id, field="sender.id", limit=ID_LIMIT)
        if sender.name is not None:
            name = check_display_name(sender.name, field="sender.name")
            if name != sender.name:
                sender = msgspec.structs.replace(sender, name=name)
    return sender


def check_display_name(value: str, *, field: str) -> str:
    """A name of 1 to 200 characters, cleaned (`display_names`). Codes `invalid_field`, `nul_character`."""
    name = clean_name(check_text(value, field=field, limit=NAME_LIMIT))
    if not name:
        raise InvalidRequest(f"{field} has no character that can be seen.", code="invalid_field", field=field, limit=1)
    return name


def check_members(members: list[Member]) -> list[Member]:
    """The members with their names cleaned (`umbral_chat.model.display_names`): within bounds, each subject once."""
    if len(members) > MEMBERS_LIMIT:
        raise InvalidRequest(
            f"{len(members)} members; {MEMBERS_LIMIT} are allowed.",
            code="invalid_field",
            field="members",
            limit=MEMBERS_LIMIT,
        )
    checked: list[Member] = []
    seen: set[str] = set()
    for index, member in enumerate(members):
        check_text(member.subject, field=f"members[{index}].subject", limit=ID_LIMIT)
        name = member.name
        if name is not None:
            name = check_display_name(name, field=f"members[{index}].name")
        checked.append(member if name == member.name else msgspec.structs.replace(member, name=name))
        if member.subject in seen:
            raise InvalidRequest(
                f"{member.subject!r} is a member twice.", code="invalid_field", field=f"members[{index}].subject"
            )
        seen.add(member.subject)
    return checked


def check_internal(conversation: str, members: list[Member]) -> None:
    """Raise InvalidRequest for a member of an internal conversation who is no agent: other roles have no right
    there."""
    if not is_internal(conversation):
        return
    for index, member in enumerate(members):
        if member.role != "agent":
            raise InvalidRequest(
                "Members of an internal conversation have the role 'agent': other roles have no right there.",
                code="invalid_field",
                field=f"members[{index}].role",
            )


def _holds_odd_number(value: Any) -> bool:
    match value:
        case int():
            return not INTEGER_LEAST <= value <= INTEGER_MOST
        case float():
            return not math.isfinite(value)
        case dict():
            return any(_holds_odd_number(item) for item in value.values())
        case list() | tuple():
            return any(_holds_odd_number(item) for item in value)
        case _:
            return False


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


def check_idempotency_key(header: str | None, client_id: str | None) -> str | None:
    """The key of a write, from the header or the body; None: it has none. Codes `idempotency_key_mismatch` and those of
    `check_text`."""
    if header is not None and client_id is not None and header != client_id:
        raise InvalidRequest(
            "Idempotency-Key and client_id mean the same, and the two that were sent differ.",
            code="idempotency_key_mismatch",
            field="client_id",
        )
    key = header if client_id is None else client_id
    return None if key is None else check_text(key, field="client_id", limit=ID_LIMIT)


__all__ = [
    "ASSIGNEE_WORDS",
    "MEMBERS_LIMIT",
    "NAME_LIMIT",
    "REASON_LIMIT",
    "SEARCH_LIMIT",
    "check_assignee",
    "check_content",
    "check_display_name",
    "check_idempotency_key",
    "check_internal",
    "check_line",
    "check_members",
    "check_message_id",
    "check_metadata",
    "check_original_time",
    "check_reason",
    "check_sender",
    "check_text",
]
