"""RosterSchedule: which rosters are to be signalled and stored, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MIN_INTERVAL = 1.0
"""Least seconds between two signals, and between two writes, of one conversation's roster."""

LIVE_DELAY = 2.0
"""Seconds by which a write is delayed while signals are pushed: only instances that missed them read the store."""

ROSTER_TTL = 3600.0
"""Seconds after which a stored roster expires; while it is not empty it is written again at half of that."""

_NEVER = float("-inf")


@dataclass(slots=True)
class _Entry:
    number: int
    """The number of the last change."""
    since: float
    """When the first change that is not stored happened."""
    signalled: float = _NEVER
    stored: float = _NEVER


class RosterSchedule:
    """The unsignalled and unstored changes by conversation. Times are elapsed seconds."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._unsignalled: dict[str, None] = {}
        self._unstored: dict[str, None] = {}

    @property
    def has_unsignalled(self) -> bool:
        """Whether any change is to be signalled."""
        return bool(self._unsignalled)

    @property
    def has_unstored(self) -> bool:
        """Whether any change is to be stored."""
        return bool(self._unstored)

    def mark_changed(self, conversation: str, number: int, now: float) -> None:
        """This instance's roster changed; `number` is the change's."""
        entry = self._entries.setdefault(conversation, _Entry(number, now))
        if conversation not in self._unstored:
            entry.since = now
        entry.number = number
        self._unsignalled[conversation] = self._unstored[conversation] = None

    def due_for_signal(self, now: float) -> list[tuple[str, int]]:
        """The conversations to be signalled now, with the numbers of their changes. They count as signalled then."""
        due = [one for one in self._unsignalled if now - self._entries[one].signalled >= MIN_INTERVAL]
        for one in due:
            del self._unsignalled[one]
            self._entries[one].signalled = now
        return [(one, self._entries[one].number) for one in due]

    def due_for_store(self, now: float, *, delay: float) -> list[tuple[str, int]]:
        """The conversations to be stored now, `delay` seconds after their first change, with the changes' numbers."""
        found = []
        for one in self._unstored:
            entry = self._entries[one]
            if now - entry.since >= delay and now - entry.stored >= MIN_INTERVAL:
                found.append((one, entry.number))
        return found

    def is_stored(self, conversation: str) -> bool:
        """Whether its last change is stored."""
        return conversation not in self._unstored

    def all_unstored(self) -> list[tuple[str, int]]:
        """All conversations that are not stored, due or not, with the numbers of their changes."""
        return [(one, self._entries[one].number) for one in self._unstored]

    def mark_stored(self, conversation: str, number: int, now: float) -> None:
        """The roster with the change of this number is stored."""
        entry = self._entries[conversation]
        entry.stored = now
        if entry.number == number:
            self._unstored.pop(conversation, None)
        else:
            entry.since = now

    def expiring(self, now: float) -> list[str]:
        """Conversations whose stored roster is to be written again before it expires, or forgotten."""
        return [
            one
            for one, entry in self._entries.items()
            if one not in self._unstored and now - entry.stored >= ROSTER_TTL / 2
        ]

    def forget(self, conversation: str) -> None:
        """The conversation's roster is empty."""
        self._unsignalled.pop(conversation, None)
        del self._entries[conversation]


__all__ = ["LIVE_DELAY", "MIN_INTERVAL", "ROSTER_TTL", "RosterSchedule"]
