"""The changes of a conversation, checked against their bounds. Pure."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from umbral_chat._core.settings.sections import Limits
from umbral_chat.model.entries import Changes
from umbral_chat.model.validation import (
    NAME_LIMIT,
    check_assignee,
    check_internal,
    check_members,
    check_metadata,
    check_text,
)


def checked_changes(conversation: str, changes: Changes, limits: Limits, *, within: str = "") -> Changes:
    """The changes with members' names cleaned. `within` precedes the names of fields in errors. Raises
    InvalidRequest."""
    if isinstance(changes.title, str):
        check_text(changes.title, field=f"{within}title", limit=NAME_LIMIT)
    if isinstance(changes.metadata, dict):
        check_metadata(changes.metadata, limit=limits.metadata_bytes, depth=limits.depth)
    if isinstance(changes.assignee, str):
        check_assignee(changes.assignee, field=f"{within}assignee")
    if isinstance(changes.members, list):
        members = check_members(changes.members)
        check_internal(conversation, members)
        changes = msgspec.structs.replace(changes, members=members)
    return changes


def with_assignee_cleared(changes: Changes) -> Changes:
    """The changes; where they give the conversation back to the assistant and name no assignee, nobody has it then."""
    if changes.responder == "assistant" and changes.assignee is UNSET:
        return msgspec.structs.replace(changes, assignee=None)
    return changes


def takes_over(changes: Changes) -> bool:
    """Whether an agent takes the conversation over: both fields are set. Setting one alone is no takeover."""
    return changes.responder == "human" and isinstance(changes.assignee, str)


__all__ = ["checked_changes", "takes_over", "with_assignee_cleared"]
