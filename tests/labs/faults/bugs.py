"""Six deliberate bugs in feed and failover. The lab must catch each of them: else what it finds sound proves little.

Each is put into the running service's own code, and fails to start where that code is not as it was any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from umbral_chat._core.feed.merge import Merge
from umbral_chat._core.feed.view import View
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.transport_kit.event_queue import EventQueue


@dataclass(frozen=True)
class Bug:
    """What it is, for a person, and what puts it in."""

    what: str
    make: Callable[[], None]


def _instead(owner: type[Any], name: str, other: Callable[..., Any]) -> None:
    if name not in vars(owner):
        raise LookupError(f"{owner.__name__} has no {name}: the bug has to be written anew")
    setattr(owner, name, other)


def skip_the_gap_fill() -> None:
    """An entry that arrives ahead of a gap is taken as the next one."""

    def hint_entry(self: Merge, epoch: str, entry: EncodedEntry) -> bool:
        if not self._same_log(epoch) or entry.seq <= self.head:
            return False
        self._extend((entry,))
        return True

    _instead(Merge, "hint_entry", hint_entry)


def forget_the_deduplication() -> None:
    """An entry that is known already is taken again."""
    told = Merge.hint_entry

    def hint_entry(self: Merge, epoch: str, entry: EncodedEntry) -> bool:
        if self._same_log(epoch) and entry.seq == self.head:
            self.entries.append(entry)
            return True
        return told(self, epoch, entry)

    _instead(Merge, "hint_entry", hint_entry)


def advance_the_cursor_early() -> None:
    """A head that is reported moves the cursor at once, before the entries up to it are read."""
    told = Merge.hint_head

    def hint_head(self: Merge, head: Head | Deleted) -> None:
        told(self, head)
        if isinstance(head, Head) and self.loaded and head.epoch == self.epoch:
            self.head = max(self.head, head.seq)

    _instead(Merge, "hint_head", hint_head)


def call_live_before_the_fill() -> None:
    """The link is called live when a probe returned, and what was missed is not read."""
    from umbral_chat_realtime_supabase.live.transport import SupabaseTransport

    async def nothing(self: SupabaseTransport) -> None:
        self._watched.take_all()

    _instead(SupabaseTransport, "_catch_up", nothing)


def share_a_queue() -> None:
    """Those who wait on a conversation share one queue: an entry wakes one of them."""

    def wake(self: View) -> None:
        for waiter in [waiter for waiter in self._waiters if not waiter.done()][:1]:
            self._waiters.discard(waiter)
            waiter.set_result(None)

    _instead(View, "wake", wake)


def drop_on_overflow() -> None:
    """A reader that fell behind what is in memory continues with what is there; a full queue drops its oldest entry."""

    def since(self: Merge, seq: int, limit: int) -> list[EncodedEntry] | None:
        missing = self.head - seq
        if missing <= 0:
            return []
        if self.hidden:
            return None
        offset = max(0, len(self.entries) - missing)
        return list(islice(self.entries, offset, offset + limit)) or None

    _instead(Merge, "since", since)
    _instead(EventQueue, "_shorten", lambda *_: None)


BUGS: dict[str, Bug] = {
    "skip-the-gap-fill": Bug("an entry ahead of a gap is taken as the next one", skip_the_gap_fill),
    "forget-the-deduplication": Bug("an entry that is known is taken again", forget_the_deduplication),
    "advance-the-cursor-early": Bug("a head that is told moves the cursor before it is read", advance_the_cursor_early),
    "live-before-the-fill": Bug("the link is called live before what was missed is read", call_live_before_the_fill),
    "share-a-queue": Bug("those who wait share a queue: news wake one of them", share_a_queue),
    "drop-on-overflow": Bug("whoever fell behind goes on with what is kept in memory", drop_on_overflow),
}

__all__ = ["BUGS", "Bug"]
