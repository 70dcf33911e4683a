"""News of memberships within this process: who remembers them asks anew, and is not behind by a time to live."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET
from umbral_chat.model.entries import Entry, Update
from umbral_chat.model.writes import Write, WriteUpdate


class MembershipEvents:
    """Told when members of a conversation were changed by this instance, or an entry that did so came by."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Tell `listener` from now on; it must neither wait nor raise."""
        self._listeners.append(listener)

    def changed(self, conversation: str) -> None:
        """Its members are others now."""
        for listener in self._listeners:
            listener(conversation)


def changes_members(entry: Entry | Write) -> bool:
    """Whether an entry, or what is to become one, changes who the members are."""
    return isinstance(entry, Update | WriteUpdate) and entry.changes.members is not UNSET


__all__ = ["MembershipEvents", "changes_members"]
