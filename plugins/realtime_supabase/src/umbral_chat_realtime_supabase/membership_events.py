"""Changes of members, as events within this process: caches of memberships drop them without waiting for a TTL."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET
from umbral_chat.model.entries import Entry, Update
from umbral_chat.model.writes import Write, WriteUpdate


class MembershipEvents:
    """Notifies listeners of conversations whose members were changed, by this instance or by an entry of another."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id of each such conversation. It must neither block nor raise."""
        self._listeners.append(listener)

    def changed(self, conversation: str) -> None:
        """Notify the listeners: the members of `conversation` were changed."""
        for listener in self._listeners:
            listener(conversation)


def changes_members(entry: Entry | Write) -> bool:
    """Whether an entry, or a write, changes the members."""
    return isinstance(entry, Update | WriteUpdate) and entry.changes.members is not UNSET


__all__ = ["MembershipEvents", "changes_members"]
