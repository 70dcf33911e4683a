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

    `head` is the highest seq up to which everything is known to exist without a gap; `lines` are the newest of these
    (at most `keep`). `loaded` tells whether a read ever told the truth; `hidden`, that a hint contradicts what is
    known in a way that only a read can settle (another epoch, a deletion, a redaction that is not merged yet).
    """

    __slots__ = (
        "_asked_doubt",
        "_asking",
        "_doubt",
        "_pending",
        "_wanted",
        "epoch",
        "gone",
        "head",
        "lines",
        "loaded",
        "redaction",
    )

    def __init__(self, keep: int) -> None:
        self.lines: deque[EncodedEntry] = deque(maxlen=keep)
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

    def hint_entry(self, epoch: str, line: EncodedEntry) -> bool:
        """An entry was appended, says a hint. Whether anything became readable."""
        if not self._same_log(epoch) or line.seq <= self.head:
            return False
        if line.seq > self.head + 1:
            self._wanted = max(self._wanted, line.seq)
            if line.kind == "redaction":
                # What it blanks may be among what is kept, and the entries before it are still to come.
                self._doubt = CONTRADICTED
            if len(self._pending) < PENDING_LIMIT:
                self._pending[line.seq] = line
            return False
        self._extend((line,))
        self._drain()
        return True

    def hint_head(self, head: Head | Deleted) -> None:
        """The log stands there, says a hint."""
        if isinstance(head, Deleted):
            # Known already, unless the read that is under way finds that it lives again: that may be of before this.
            if not self.gone or self._asking:
                self._doubt = CONTRADICTED
        elif self._same_log(head.epoch):
            self._wanted = max(self._wanted, head.seq)
            if head.redaction > self.redaction:
                self._doubt = CONTRADICTED

    # reads

    @property
    def gap(self) -> bool:
        """Whether a hint told of entries past `head` that are not here."""
        return self._wanted > self.head

    @property
    def settled(self) -> bool:
        """Whether what is known needs no read, and none is under way."""
        return self.loaded and not (self._doubt or self._asking or self._wanted > self.head)

    @property
    def hidden(self) -> bool:
        """Whether what is kept is not to be shown, because a hint contradicts it and no read has settled that yet."""
        return CONTRADICTED in (self._doubt, self._asked_doubt)

    def suspect(self) -> None:
        """There may be more to know than what hints told: only a read from now on settles it."""
        self._doubt = max(self._doubt, UNSURE)

    def asked(self) -> int:
        """A read of the log from `head` on is about to be sent: the seq to read after.

        What hints claimed until now is settled by that read, since it is of a later moment; what they claim from now
        on is not. `unanswered` takes it back.
        """
        self._asked_doubt, self._doubt = self._doubt, SURE
        self._asking = True
        self._wanted = self.head
        return self.head

    def unanswered(self) -> None:
        """That read failed: what it was to settle is open again."""
        self._doubt = max(self._doubt, self._asked_doubt, UNSURE)
        self._answered()

    def learn(self, after: int, head: Head | None, entries: Sequence[EncodedEntry]) -> bool:
        """Take what a read told: a page of entries after `after`, and the head of the same moment. Whether anything
        changed for readers.

        `after` is what `asked` answered; only the first read may begin elsewhere, at its reader's cursor.
        """
        before = (self.epoch, self.head, self.gone, self.loaded)
        if head is None:
            self._restart(None, 0, 0)
        elif not self.loaded or head.epoch != self.epoch or head.seq < after:
            # Another log; or the same, shorter: a restored copy.
            self._restart(head.epoch, head.seq, head.redaction)
            if after + len(entries) == head.seq:
                self.lines.extend(entries)
        else:
            if after + len(entries) < head.seq > self.head:
                self._jump(head)
            else:
                self._extend(line for line in entries if line.seq > self.head)
            self._wanted = max(self._wanted, head.seq)
            if head.redaction > self.redaction:
                # It was passed over: no entry that was seen is this redaction. What is kept may still show its text.
                self.lines.clear()
                self.redaction = head.redaction
        self._answered()
        self.loaded = True
        self.gone = False
        self._drain()
        return before != (self.epoch, self.head, self.gone, self.loaded)

    def learn_gone(self) -> bool:
        """A read told that the conversation is deleted. Whether that is news."""
        news = not self.gone
        self._restart(None, 0, 0)
        self._answered()
        self.loaded = True
        self.gone = True
        return news

    def since(self, seq: int, limit: int) -> list[EncodedEntry] | None:
        """Up to `limit` lines after `seq`, from memory; None when the oldest of them is not here any more, or when
        they are hidden."""
        missing = self.head - seq
        if missing <= 0:
            return []
        if self.hidden:
            return None
        offset = len(self.lines) - missing
        if offset < 0:
            return None
        return list(islice(self.lines, offset, offset + limit))

    def keep_older(self, head: Head, lines: Sequence[EncodedEntry]) -> None:
        """Take what another read of the log brought, as far as it lies right before what is kept: entries of the same
        moment as `head`. Without this a log that nobody writes to would be read anew for each who comes."""
        if self.hidden or (head.epoch, head.redaction) != (self.epoch, self.redaction):
            return
        oldest = self.head - len(self.lines) + 1
        older = [line for line in lines if line.seq < oldest]
        room = (self.lines.maxlen or 0) - len(self.lines)
        if room and older and older[-1].seq == oldest - 1:
            self.lines.extendleft(reversed(older[-room:]))

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
        self.lines.clear()
        self._pending.clear()
        self.epoch = epoch
        self.head = head
        self.redaction = redaction
        self._wanted = head

    def _jump(self, head: Head) -> None:
        # Too far behind to be worth keeping up with: the log is gapless up to its head, so whoever stands further
        # back reads it from there. What was kept no longer ends at the head.
        self.lines.clear()
        self.head = head.seq
        self.redaction = head.redaction

    def _extend(self, lines: Iterable[EncodedEntry]) -> None:
        for line in lines:
            if line.kind == "redaction":
                # What is cached from before may still show what was just blanked.
                self.lines.clear()
                self.redaction = line.seq
            self.lines.append(line)
            self.head = line.seq
        self._wanted = max(self._wanted, self.head)

    def _drain(self) -> None:
        if not self._pending:
            return
        while (line := self._pending.pop(self.head + 1, None)) is not None:
            self._extend((line,))
        for seq in [seq for seq in self._pending if seq <= self.head]:
            del self._pending[seq]


__all__ = ["PENDING_LIMIT", "Merge"]
