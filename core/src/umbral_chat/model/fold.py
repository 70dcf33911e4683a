"""Folding: applies entries to the messages that a client already has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET

from umbral_chat.model.entries import Changes, Edit, Entry, FoldedMessage, Message, Redaction


def folded(message: Message) -> FoldedMessage:
    """The folded message of a message's own entry."""
    return FoldedMessage(
        seq=message.seq,
        version=message.seq,
        at=message.at,
        sender=message.sender,
        message_id=message.message_id,
        content=message.content,
        client_id=message.client_id,
        reply_to=message.reply_to,
        metadata=message.metadata,
        redacted=message.redacted,
        imported=message.imported,
        finish=message.finish,
    )


def apply(messages: dict[str, FoldedMessage], entries: Iterable[Entry]) -> dict[str, FoldedMessage]:
    """Apply `entries` to `messages` (by message id, in place) and return it.

    Applying an entry again, or an older one after a newer, changes nothing: `version` only rises.
    """
    for entry in entries:
        match entry:
            case Message():
                messages.setdefault(entry.message_id, folded(entry))
            case Edit() if (known := messages.get(entry.message_id)) and known.version < entry.seq:
                if not known.redacted:
                    messages[entry.message_id] = edited(known, entry)
            case Redaction() if (known := messages.get(entry.message_id)) and known.version < entry.seq:
                messages[entry.message_id] = blanked(known, entry.seq)
            case _:
                pass
    return messages


def edited(message: FoldedMessage, edit: Edit) -> FoldedMessage:
    """The message after `edit`."""
    return msgspec.structs.replace(
        message,
        version=edit.seq,
        content=edit.content,
        metadata=edit.metadata,
        edited_at=edit.at,
        redacted=edit.redacted,
        finish=None,
    )


def blanked(message: FoldedMessage, version: int) -> FoldedMessage:
    """The message after its redaction: place, time and sender stay, content and metadata are removed."""
    return msgspec.structs.replace(
        message, version=version, content="", metadata=None, edited_at=None, redacted=True, finish=None
    )


def apply_changes(state: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """Apply an update's changes to a conversation's state (title, status, …) in place and return it."""
    for name in changes.__struct_fields__:
        value = getattr(changes, name)
        if value is not UNSET:
            state[name] = value
    return state


__all__ = ["apply", "apply_changes", "blanked", "edited", "folded"]
