"""The changes of a conversation, checked against their bounds. Pure."""

from __future__ import annotations

import msgspec

from umbral_chat._core.settings.sections import Limits
from umbral_chat.model.entries import Changes
from umbral_chat.model.validation import NAME_LIMIT, check_internal, check_members, check_metadata, check_text


def checked_changes(conversation: str, changes: Changes, limits: Limits, *, within: str = "") -> Changes:
    """The changes with members' names cleaned. `within` precedes the names of fields in errors. Raises
    InvalidRequest."""
    if isinstance(changes.title, str):
        check_text(changes.title, field=f"{within}title", limit=NAME_LIMIT)
    if isinstance(changes.metadata, dict):
        check_metadata(changes.metadata, limit=limits.metadata_bytes, depth=limits.depth)
    if isinstance(changes.members, list):
        members = check_members(changes.members)
        check_internal(conversation, members)
        changes = msgspec.structs.replace(changes, members=members)
    return changes


__all__ = ["checked_changes"]
