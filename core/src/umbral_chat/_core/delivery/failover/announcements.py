"""Announcements waiting for one transport: bounded, and past the bound reduced to how far a log got."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

from umbral_chat._core.delivery.bus import LogChange
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.model.entries import entry_decoder
from umbral_chat.providers.transport import EntryHint, HeadHint

ENTRIES = 256
"""Most entries that wait whole: some seconds of a busy service, and no more than a reader takes in one page."""

ENTRY_BYTES = 4 * 1024 * 1024
"""Most bytes of them."""

HEADS = 1000
"""Most conversations whose heads wait. The oldest of more is left to reconciling."""


class _Waiting(NamedTuple):
    conversation: str
    epoch: str
    entry: EncodedEntry


class Announcements:
    """A queue of hints, in order. Pure.

    An entry that is one too many becomes the head that its log had reached, which comes before the entries that still
    wait; a conversation has one of these. A deletion takes the place of everything of its conversation.
    """

    def __init__(self, entries: int = ENTRIES, entry_bytes: int = ENTRY_BYTES, heads: int = HEADS) -> None:
        self._limits = entries, entry_bytes, heads
        self._entries: deque[_Waiting] = deque()
        self._bytes = 0
        self._heads: OrderedDict[str, HeadHint] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries) + len(self._heads)

    def put(self, change: LogChange) -> None:
        """Queue a change made here. Never waits, never raises."""
        if change.deleted:
            self._forget(change.conversation)
            self._put_head(HeadHint(change.conversation, Deleted()))
            return
        for entry in change.entries:
            self._entries.append(_Waiting(change.conversation, change.epoch, entry))
            self._bytes += len(entry.json)
        entries, entry_bytes, _ = self._limits
        while len(self._entries) > entries or (self._bytes > entry_bytes and self._entries):
            self._shorten(self._pop())

    def take(self) -> EntryHint | HeadHint | None:
        """The next one, or None."""
        if self._heads:
            return self._heads.popitem(last=False)[1]
        if not self._entries:
            return None
        waiting = self._pop()
        return EntryHint(waiting.conversation, waiting.epoch, entry_decoder.decode(waiting.entry.json))

    def _pop(self) -> _Waiting:
        waiting = self._entries.popleft()
        self._bytes -= len(waiting.entry.json)
        return waiting

    def _shorten(self, waiting: _Waiting) -> None:
        seq = waiting.entry.seq
        redaction = seq if waiting.entry.kind == "redaction" else 0
        before = self._heads.get(waiting.conversation)
        if before is not None and isinstance(before.head, Head) and before.head.epoch == waiting.epoch:
            seq, redaction = max(seq, before.head.seq), max(redaction, before.head.redaction)
        self._put_head(HeadHint(waiting.conversation, Head(waiting.epoch, seq, redaction)))

    def _put_head(self, hint: HeadHint) -> None:
        self._heads[hint.conversation] = hint
        self._heads.move_to_end(hint.conversation)
        if len(self._heads) > self._limits[2]:
            self._heads.popitem(last=False)

    def _forget(self, conversation: str) -> None:
        kept = [waiting for waiting in self._entries if waiting.conversation != conversation]
        self._entries = deque(kept)
        self._bytes = sum(len(waiting.entry.json) for waiting in kept)


__all__ = ["ENTRIES", "ENTRY_BYTES", "HEADS", "Announcements"]
