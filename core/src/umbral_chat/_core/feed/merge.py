"""The merge: what an instance knows of one log, from hints that cannot be trusted and reads that can.

Pure: no I/O, no clock. It takes hints and pages in any order and says what must be read next; what it shows is always
a contiguous run of the log up to `head`. `umbral_chat._core.feed.feeds` is the shell around it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.encoded_entry import EncodedEntry

PENDING_LIMIT = 256
"""Entries kept that came ahead of a gap. Past it they are forgotten: the read that fills the gap brings them again."""

SURE, UNSURE, CONTRADICTED = range(3)
"""How far what is kept can be trusted: it is the truth; it was the truth when a read last said so; or a hint says that
it is not, which makes it unfit to be shown until a read has settled it."""


class Merge:
    """One log, merged.

    `head` is the highest seq up to which everything is known to exist without a gap; `entries` are the newest of these
    (at most `keep`). `loaded`: whether a read has ever succeeded; `hidden`, that a hint contradicts what is
    known in a way that only a read can settle (another epoch, a deletion, a redaction that is not merged yet).
    """

    __slots__ = (
        "_asked_doubt",
        "_asking",
        "_doubt",
        "_pending",
        "_wanted",
        "entries",
        "epoch",
        "gone",
        "head",
        "loaded",
        "redaction",
    )

    def __init__(self, keep: int) -> None:
        self.entries: deque[EncodedEntry] = deque(maxlen=keep)
        self.epoch: str | None = None
        self.head = 0
        self.redaction = 0
        self.gone = False
        self.loaded = False
        self._wanted = 0
        self._doubt = self._asked_doubt = SURE
        self._asking = False
        self._pending: dict[int, EncodedEntry] = {}

    # hints

    def hint_entry(self, epoch: str, entry: EncodedEntry) -> bool:
        """A hint reports an appended entry. Whether anything became readable."""
        if not self._same_log(epoch) or entry.seq <= self.head:
            return False
        if entry.seq > self.head + 1:
            self._wanted = max(self._wanted, entry.seq)
            if entry.kind == "redaction":
                # What it blanks may be among what is kept, and the entries before it are still to come.
                self._doubt = CONTRADICTED
            if len(self._pending) < PENDING_LIMIT:
                self._pending[entry.seq] = entry
            return False
        self._extend((entry,))
        self._drain()
        return True

    def hint_head(self, head: Head | Deleted) -> None:
        """A hint reports where the log stands."""
        if isinstance(head, Deleted):
            # Known already, unless the read that is under way finds a new log: that answer may be older than this hint.
            if not self.gone or self._asking:
                self._doubt = CONTRADICTED
        elif self._same_log(head.epoch):
            self._wanted = max(self._wanted, head.seq)
            if head.redaction > self.redaction:
                self._doubt = CONTRADICTED

    # reads

    @property
    def gap(self) -> bool:
        """Whether a hint reported entries past `head` that are missing here."""
        return self._wanted > self.head

    @property
    def settled(self) -> bool:
        """Whether what is known needs no read, and none is under way."""
        return self.loaded and not (self._doubt or self._asking or self._wanted > self.head)

    @property
    def hidden(self) -> bool:
        """Whether what is kept must not be shown: a hint contradicts it, and no read has decided between them yet."""
        return CONTRADICTED in (self._doubt, self._asked_doubt)

    def mark_stale(self) -> None:
        """There may be changes that no hint reported: only a read from now on can tell."""
        self._doubt = max(self._doubt, UNSURE)

    def begin_read(self) -> int:
        """A read of the log from `head` on is about to be sent: the seq to read after.

        That read decides what hints claimed until now, since it is of a later moment; not what they claim from now on.
        `read_failed` reverts this.
        """
        self._asked_doubt, self._doubt = self._doubt, SURE
        self._asking = True
        self._wanted = self.head
        return self.head

    def read_failed(self) -> None:
        """That read failed: what it was to decide is open again."""
        self._doubt = max(self._doubt, self._asked_doubt, UNSURE)
        self._answered()

    def apply_page(self, after: int, head: Head | None, entries: Sequence[EncodedEntry]) -> bool:
        """Apply the page of a read: its entries after `after`, and the head of the same moment.

        Whether anything changed for readers.

        `after` is what `begin_read` returned; only the first read may begin elsewhere, at its reader's cursor.
        """
        before = (self.epoch, self.head, self.gone, self.loaded)
        if head is None:
            self._restart(None, 0, 0)
        elif not self.loaded or head.epoch != self.epoch or head.seq < after:
            # Another log; or the same, shorter: a restored copy.
            self._restart(head.epoch, head.seq, head.redaction)
            if after + len(entries) == head.seq:
                self.entries.extend(entries)
        else:
            if after + len(entries) < head.seq > self.head:
                self._jump(head)
            else:
                self._extend(entry for entry in entries if entry.seq > self.head)
            self._wanted = max(self._wanted, head.seq)
            if head.redaction > self.redaction:
                # It was passed over: no entry that was seen is this redaction. What is kept may still show its text.
                self.entries.clear()
                self.redaction = head.redaction
        self._answered()
        self.loaded = True
        self.gone = False
        self._drain()
        return before != (self.epoch, self.head, self.gone, self.loaded)

    def apply_deletion(self) -> bool:
        """A read found the conversation deleted. Whether that is news."""
        news = not self.gone
        self._restart(None, 0, 0)
        self._answered()
        self.loaded = True
        self.gone = True
        return news

    def since(self, seq: int, limit: int) -> list[EncodedEntry] | None:
        """Up to `limit` entries after `seq`, from memory; None when the oldest of them is not here any more, or when
        they are hidden."""
        missing = self.head - seq
        if missing <= 0:
            return []
        if self.hidden:
            return None
        offset = len(self.entries) - missing
        if offset < 0:
            return None
        return list(islice(self.entries, offset, offset + limit))

    def keep_older(self, head: Head, entries: Sequence[EncodedEntry]) -> None:
        """Take what another read of the log brought, as far as it lies right before what is kept: entries of the same
        moment as `head`. Without this a log without writes would be read again for each new reader."""
        if self.hidden or (head.epoch, head.redaction) != (self.epoch, self.redaction):
            return
        oldest = self.head - len(self.entries) + 1
        older = [entry for entry in entries if entry.seq < oldest]
        room = (self.entries.maxlen or 0) - len(self.entries)
        if room and older and older[-1].seq == oldest - 1:
            self.entries.extendleft(reversed(older[-room:]))

    # inside

    def _same_log(self, epoch: str) -> bool:
        if self.loaded and epoch == self.epoch:
            return True
        # Before the first read there is nothing to compare with; afterwards another epoch may be older or newer than
        # ours, and only the store knows which.
        self._doubt = CONTRADICTED
        return False

    def _answered(self) -> None:
        self._asking = False
        self._asked_doubt = SURE

    def _restart(self, epoch: str | None, head: int, redaction: int) -> None:
        self.entries.clear()
        self._pending.clear()
        self.epoch = epoch
        self.head = head
        self.redaction = redaction
        self._wanted = head

    def _jump(self, head: Head) -> None:
        # Too far behind to be worth keeping up with: the log is gapless up to its head, so a reader further back
        # reads it from there. What was kept no longer ends at the head.
        self.entries.clear()
        self.head = head.seq
        self.redaction = head.redaction

    def _extend(self, entries: Iterable[EncodedEntry]) -> None:
        for entry in entries:
            if entry.kind == "redaction":
                # What is cached from before may still show what was just blanked.
                self.entries.clear()
                self.redaction = entry.seq
            self.entries.append(entry)
            self.head = entry.seq
        self._wanted = max(self._wanted, self.head)

    def _drain(self) -> None:
        if not self._pending:
            return
        while (entry := self._pending.pop(self.head + 1, None)) is not None:
            self._extend((entry,))
        for seq in [seq for seq in self._pending if seq <= self.head]:
            del self._pending[seq]


__all__ = ["PENDING_LIMIT", "Merge"]
