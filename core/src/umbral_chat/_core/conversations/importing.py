"""Turns an entry of another log into a write: the fields that its kind may have, and the rights that it needs. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from umbral_chat._core.auth.senders import checked_finish, sender_for
from umbral_chat._core.conversations.changes import checked_changes
from umbral_chat._core.settings.sections import Limits
from umbral_chat.errors import Forbidden, InvalidRequest
from umbral_chat.model.requests import ImportBody
from umbral_chat.model.validation import (
    check_content,
    check_message_id,
    check_metadata,
    check_reason,
    check_sender,
)
from umbral_chat.model.writes import Write, WriteEdit, WriteMessage, WriteRedaction, WriteRun, WriteUpdate
from umbral_chat.providers.auth import Principal, Right

FIELDS = {
    "message": frozenset({"message_id", "content", "reply_to", "metadata", "redacted", "finish"}),
    "edit": frozenset({"message_id", "content", "metadata", "redacted"}),
    "redaction": frozenset({"message_id"}),
    "update": frozenset({"changes"}),
    "run": frozenset({"run_id", "outcome", "reason", "for_seq", "metadata"}),
}
"""The fields of each kind of entry, besides those that all have."""


def import_write(
    principal: Principal, conversation: str, body: ImportBody, *, key: str | None, at: datetime, limits: Limits
) -> Write:
    """The write that makes this entry. Raises InvalidRequest and Forbidden."""
    right: Right = "manage" if body.kind == "update" else "send"
    if right not in principal.rights:
        raise missing_right(right, field="kind")
    _check_fields(body)
    common: dict[str, Any] = {
        "conversation": conversation,
        "subject": principal.author,
        "epoch": principal.epoch,
        "sender": sender_for(principal, check_sender(body.sender)),
        "key": key,
        "at": at,
    }
    own_only = "moderate" not in principal.rights
    if body.kind == "update":
        if body.changes is None or body.changes.empty:
            raise _missing_field("changes")
        return WriteUpdate(**common, changes=checked_changes(conversation, body.changes, limits, within="changes."))
    if body.kind == "run":
        return _run_write(common, body, limits)
    if body.message_id is None:
        raise _missing_field("message_id")
    common["message_id"] = check_message_id(body.message_id)
    if body.kind == "redaction":
        return WriteRedaction(**common, own_only=own_only)
    common |= {"content": _content(body, limits), "redacted": body.redacted}
    common["metadata"] = check_metadata(body.metadata, limit=limits.metadata_bytes, depth=limits.depth)
    if body.kind == "edit":
        return WriteEdit(**common, own_only=own_only)
    reply_to = None if body.reply_to is None else check_message_id(body.reply_to, field="reply_to")
    return WriteMessage(**common, reply_to=reply_to, finish=checked_finish(principal, body.finish))


def _run_write(common: dict[str, Any], body: ImportBody, limits: Limits) -> WriteRun:
    if body.run_id is None:
        raise _missing_field("run_id")
    if body.outcome is None:
        raise _missing_field("outcome")
    return WriteRun(
        **common,
        run_id=check_message_id(body.run_id, field="run_id"),
        outcome=body.outcome,
        reason=check_reason(body.reason),
        for_seq=body.for_seq,
        metadata=check_metadata(body.metadata, limit=limits.metadata_bytes, depth=limits.depth),
    )


def missing_right(right: Right, *, field: str) -> Forbidden:
    """The error for a field that needs a right which the caller does not have."""
    return Forbidden(
        f"`{field}` needs the right {right!r}, which this caller does not have.", field=field, extra={"right": right}
    )


def _check_fields(body: ImportBody) -> None:
    known = FIELDS[body.kind]
    for name in sorted(frozenset().union(*FIELDS.values()) - known):
        if getattr(body, name):
            raise InvalidRequest(f"An entry of the kind {body.kind} has no {name}.", code="unknown_field", field=name)


def _content(body: ImportBody, limits: Limits) -> str:
    if not body.redacted:
        return check_content(body.content, body.metadata, limit=limits.content_chars)
    if body.content or body.metadata:
        raise InvalidRequest(
            "A redacted entry has neither content nor metadata.",
            code="invalid_field",
            field="content" if body.content else "metadata",
        )
    return ""


def _missing_field(field: str) -> InvalidRequest:
    return InvalidRequest(f"{field} is missing.", code="missing_field", field=field)


__all__ = ["FIELDS", "import_write", "missing_right"]
