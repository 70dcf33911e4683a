"""RosterSchedule: which rosters are to be told and stored, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MIN_INTERVAL = 1.0
"""Seconds between two tellings, and two writes, of one conversation's roster."""

LIVE_DELAY = 2.0
"""Seconds for which a write waits while signals are pushed: what is stored is only for who misses them."""

ROSTER_TTL = 3600.0
"""Seconds after which a stored roster lapses; it is written anew at half of it while it has something to say."""

_NEVER = float("-inf")


@dataclass(slots=True)
class _Entry:
    number: int
    """Of the last change."""
    since: float
    """When the first change came that is not stored."""
    signalled: float = _NEVER
    stored: float = _NEVER


class RosterSchedule:
    """By conversation. It is told what changed, and asked what is due."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._unsignalled: dict[str, None] = {}
        self._unstored: dict[str, None] = {}

    @property
    def has_unsignalled(self) -> bool:
        """Whether anything is to be told."""
        return bool(self._unsignalled)

    @property
    def has_unstored(self) -> bool:
        """Whether anything is to be stored."""
        return bool(self._unstored)

    def mark_changed(self, conversation: str, number: int, now: float) -> None:
        """This instance has something new to say of it."""
        entry = self._entries.setdefault(conversation, _Entry(number, now))
        if conversation not in self._unstored:
            entry.since = now
        entry.number = number
        self._unsignalled[conversation] = self._unstored[conversation] = None

    def due_for_signal(self, now: float) -> list[tuple[str, int]]:
        """Conversations, with the numbers of what is to be told now; told with that."""
        due = [one for one in self._unsignalled if now - self._entries[one].signalled >= MIN_INTERVAL]
        for one in due:
            del self._unsignalled[one]
            self._entries[one].signalled = now
        return [(one, self._entries[one].number) for one in due]

    def due_for_store(self, now: float, *, delay: float) -> list[tuple[str, int]]:
        """Conversations, with the numbers of what is to be stored now: `delay` seconds after it changed."""
        found = []
        for one in self._unstored:
            entry = self._entries[one]
            if now - entry.since >= delay and now - entry.stored >= MIN_INTERVAL:
                found.append((one, entry.number))
        return found

    def is_stored(self, conversation: str) -> bool:
        """Whether all that there is to say of it is stored."""
        return conversation not in self._unstored

    def all_unstored(self) -> list[tuple[str, int]]:
        """All that is not stored."""
        return [(one, self._entries[one].number) for one in self._unstored]

    def mark_stored(self, conversation: str, number: int, now: float) -> None:
        """What was said with this number is stored."""
        entry = self._entries[conversation]
        entry.stored = now
        if entry.number == number:
            self._unstored.pop(conversation, None)
        else:
            entry.since = now

    def expiring(self, now: float) -> list[str]:
        """Conversations whose stored roster is to be written anew before it lapses, or forgotten."""
        return [
            one
            for one, entry in self._entries.items()
            if one not in self._unstored and now - entry.stored >= ROSTER_TTL / 2
        ]

    def forget(self, conversation: str) -> None:
        """There is nothing to say of it any more."""
        self._unsignalled.pop(conversation, None)
        del self._entries[conversation]


__all__ = ["LIVE_DELAY", "MIN_INTERVAL", "ROSTER_TTL", "RosterSchedule"]
