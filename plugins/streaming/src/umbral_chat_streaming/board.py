"""The board of a channel: the signals that its subscribers were sent, and what of them is due again. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf
from typing import NamedTuple, Protocol

import msgspec
from umbral_chat.drafts import DraftView
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.receipts import Receipt
from umbral_chat.model.runs import RunView
from umbral_chat.providers.presence import PresenceState, Viewer

from umbral_chat_streaming.signals import DraftProgress, PresenceNow, Rate, ReaderList, RunList, TypingList

SIGNAL_INTERVAL = 1.0
"""Seconds between two lists of those who type, of who is here, and of who has read how far: as in long polls."""

RUN_INTERVAL = 0.2
"""Seconds between two lists of runs: a step of an assistant is shown at once, a loop of its tools not each time."""

_encode = msgspec.json.Encoder().encode

_NOTHING = frozenset({_encode(TypingList(())), _encode(RunList(())), _encode(ReaderList(()))})


class SignalSource(Protocol):
    """What there is now."""

    def drafts(self, conversation: str) -> Sequence[DraftView]:
        """The drafts of a conversation, oldest first, each whole so far."""
        ...

    def runs(self, conversation: str) -> Sequence[RunView]:
        """The runs that have not ended."""
        ...

    def readers(self, conversation: str) -> Sequence[Receipt]:
        """How far those have read who let others see it."""
        ...

    def presence(self, conversation: str, viewer: Viewer) -> PresenceState | None:
        """Who is here and who types; None: nothing provides presence."""
        ...


class SeenSignals:
    """Typing and presence as one kind of viewer was sent them, as JSON. Empty: never, since nothing provides them."""

    __slots__ = ("presence", "typing")

    def __init__(self) -> None:
        self.typing = b""
        self.presence = b""


class DueSignals(NamedTuple):
    """Signals that are due, as JSON."""

    common: list[bytes]
    lists: bool
    """Whether typing and presence are due, which each kind of viewer sees differently: ask `see`."""


class SignalBoard:
    """Drafts as deltas at most once in `roll_up` seconds, lists at most as often as their intervals say."""

    __slots__ = (
        "_conversation",
        "_drafts",
        "_lists",
        "_pieces",
        "_readers",
        "_run_rate",
        "_runs",
        "_source",
        "_touched",
    )

    def __init__(self, source: SignalSource, conversation: str, roll_up: float) -> None:
        self._source = source
        self._conversation = conversation
        self._drafts = DraftProgress()
        self._runs = b""
        self._readers = b""
        self._pieces, self._lists, self._run_rate = Rate(roll_up), Rate(SIGNAL_INTERVAL), Rate(RUN_INTERVAL)
        self._touched: set[Rate] = set()

    @property
    def known(self) -> frozenset[str]:
        """The messages of the drafts that subscribers have."""
        return self._drafts.known

    def touch(self) -> None:
        """Some signal changed."""
        self._touched = {self._pieces, self._lists, self._run_rate}

    def due(self, now: float) -> float:
        """When something is due; infinity: nothing is."""
        return min((rate.due(now) for rate in self._touched), default=inf)

    def take(self, now: float, entries: Iterable[EncodedEntry]) -> DueSignals:
        """What is due now, which then counts as sent. `entries` leave with it: drafts that one of them ends end at
        once, so that nobody gets an entry and, beside it, that it is being written."""
        found: list[bytes] = []
        ends = any(entry.ends_draft and entry.message_id in self._drafts for entry in entries)
        if self._take(self._pieces, now) or ends:
            found += map(_encode, self._drafts.advance(self._source.drafts(self._conversation)))
        if self._take(self._run_rate, now):
            runs = self._list_runs()
            if runs != self._runs:
                self._runs = runs
                found.append(runs)
        lists = self._take(self._lists, now)
        if lists and (readers := self._list_readers()) != self._readers:
            self._readers = readers
            found.append(readers)
        return DueSignals(found, lists=lists)

    def see(self, seen: SeenSignals, viewer: Viewer) -> Iterator[bytes]:
        """What changed of typing and presence against what was seen, which then counts as seen."""
        state = self._source.presence(self._conversation, viewer)
        if state is None:
            return
        typing, presence = _encode(TypingList(state.typing)), _encode(PresenceNow(state.presence))
        if typing != seen.typing:
            seen.typing = typing
            yield typing
        if presence != seen.presence:
            seen.presence = presence
            yield presence

    def refresh(self) -> None:
        """Take what there is as sent, since there is nobody who would have to be sent what changed."""
        for _ in self._drafts.advance(self._source.drafts(self._conversation)):
            pass
        self._runs, self._readers = self._list_runs(), self._list_readers()
        self._touched.clear()

    def whole(self, seen: SeenSignals, known: Collection[str], *, again: bool) -> list[bytes]:
        """Everything as it was sent, for a subscriber that has the drafts `known`. `again`: it was here before, and may
        have lists of which nothing is left."""
        found = [_encode(one) for one in self._drafts.whole(known)]
        lists = (self._runs, self._readers, seen.typing, seen.presence)
        found += (one for one in lists if one and (again or one not in _NOTHING))
        return found

    def _take(self, rate: Rate, now: float) -> bool:
        if rate not in self._touched or not rate.take(now):
            return False
        self._touched.discard(rate)
        return True

    def _list_runs(self) -> bytes:
        return _encode(RunList(self._source.runs(self._conversation)))

    def _list_readers(self) -> bytes:
        return _encode(ReaderList(self._source.readers(self._conversation)))


__all__ = ["RUN_INTERVAL", "SIGNAL_INTERVAL", "DueSignals", "SeenSignals", "SignalBoard", "SignalSource"]
