"""The merge against a real log that grows, is redacted, deleted and made anew, under every order, loss, delay and
repetition of hints and every moment at which a read may take its snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from umbral_chat._core.feed.merge import PENDING_LIMIT, Merge
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.conversations import Deleted, Head, LogPage
from umbral_chat.model.entries import Entry

from .memory import Log

PAGE = 4


@dataclass
class Hint:
    """What a transport may deliver at any time, any number of times. `log` is the log that it speaks of."""

    log: Log
    entry: EncodedEntry | None = None
    head: Head | Deleted | None = None


@dataclass
class Flight:
    """A read under way. `page` is what it will answer once its snapshot is taken: a page, or None for deleted."""

    after: int
    taken: bool = False
    page: LogPage | None = None


class MergeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.merge = Merge(6)
        self.logs: dict[str, Log] = {}
        self.log: Log | None = None
        self.deleted = False
        self.hints: list[Hint] = []
        self.flight: Flight | None = None
        self.pages: list[LogPage] = []
        # what was told, by delivered hints and answered reads
        self.told_head: dict[str, int] = {}
        self.told_redaction: dict[str, int] = {}
        self.told_deleted: set[str] = set()
        self.told_deletion = False

    @initialize(length=st.integers(0, 8), made=st.booleans(), loaded=st.booleans())
    def start(self, length: int, made: bool, loaded: bool) -> None:
        if made:
            self._begin()
            for _ in range(length):
                self._append("say", 0)
        if loaded:
            self._read(0)

    # the log

    @rule(
        how=st.sampled_from(["say", "say", "say", "edit", "redact", "redact", "update"]),
        which=st.integers(0, 30),
        heard=st.lists(st.sampled_from(["entry", "entry", "head", "later", "later"]), min_size=1, max_size=4),
    )
    def append(self, how: str, which: int, heard: list[str]) -> None:
        """Something is written, and heard of at once or later or never."""
        if self.deleted:
            return
        if self.log is None:
            self._begin()
        for when in heard:
            self._append(how, which)
            if when != "later":
                self._deliver(self.hints[-2 if when == "entry" else -1])

    @rule(dice=st.integers(0, 3), heard=st.booleans())
    def delete_or_revive(self, dice: int, heard: bool) -> None:
        if self.log is None or dice:
            return
        if self.deleted:
            self._begin()
            self.hints.append(Hint(self.log, head=self.log.head))
        else:
            self.deleted = True
            self.hints.append(Hint(self.log, head=Deleted()))
        if heard:
            self._deliver(self.hints[-1])

    def _append(self, how: str, which: int) -> None:
        assert self.log is not None
        log, messages = self.log, self.log.messages
        entry: Entry
        if how == "edit" and messages:
            entry = log.edit(messages[which % len(messages)])
        elif how == "redact" and messages:
            entry = log.redact(messages[which % len(messages)])
        elif how == "update":
            entry = log.update(f"title {which}")
        else:
            entry = log.say()
        self.hints.append(Hint(log, entry=EncodedEntry.of(entry)))
        self.hints.append(Hint(log, head=log.head))

    def _begin(self) -> None:
        self.log, self.deleted = Log(), False
        self.told_deletion = False
        self.logs[self.log.epoch] = self.log

    # hints

    @rule(which=st.integers(0, 1000), aim=st.sampled_from(["next", "ahead", "any"]))
    def deliver(self, which: int, aim: str) -> None:
        """Any hint of before: those never chosen are lost, those chosen again are repeated."""
        merge = self.merge
        ahead = [
            hint
            for hint in self.hints
            if hint.entry is not None and hint.log.epoch == merge.epoch and hint.entry.seq > merge.head
        ]
        among = {"next": ahead[:1], "ahead": ahead[1:], "any": self.hints}[aim] or self.hints
        if among:
            self._deliver(among[which % len(among)])

    def _deliver(self, hint: Hint) -> None:
        epoch = hint.log.epoch
        if hint.entry is not None:
            self.merge.hint_entry(epoch, hint.entry)
            self._told(epoch, hint.entry.seq, hint.entry.seq if hint.entry.kind == "redaction" else 0)
        elif isinstance(hint.head, Head):
            self.merge.hint_head(hint.head)
            self._told(epoch, hint.head.seq, hint.head.redaction)
        else:
            assert hint.head is not None
            self.merge.hint_head(hint.head)
            self.told_deleted.add(epoch)
            self.told_deletion = self.told_deletion or (self.deleted and hint.log is self.log)

    def _told(self, epoch: str, head: int, redaction: int) -> None:
        self.told_head[epoch] = max(self.told_head.get(epoch, 0), head)
        self.told_redaction[epoch] = max(self.told_redaction.get(epoch, 0), redaction)

    # reads

    @rule(cursor=st.integers(0, 12), fails=st.sampled_from([False, False, False, True]))
    def read_on(self, cursor: int, fails: bool) -> None:
        """A read is sent, takes its snapshot, is answered: one of these at a time, anything may happen in between."""
        if self.flight is None:
            self._ask(cursor)
        elif fails:
            self.flight = None
            self.merge.read_failed()
            assert not self.merge.settled
        elif not self.flight.taken:
            self._snapshot(self.flight)
        else:
            self._answer(self.flight)

    @rule(cursor=st.integers(0, 12))
    def read(self, cursor: int) -> None:
        if self.flight is None:
            self._read(cursor)

    @rule(back=st.integers(0, 8))
    def page(self, back: int) -> None:
        """Somebody else reads a page, for who is further behind than what is kept."""
        if self.log is not None and not self.deleted:
            self.pages.append(self.log.page(max(0, len(self.log.entries) - back), PAGE))

    @rule(which=st.integers(0, 1000))
    def keep_page(self, which: int) -> None:
        """It is answered at any time, and as often as others read the same."""
        if self.pages:
            page = self.pages[-1 - which % min(4, len(self.pages))]
            assert page.head is not None
            self.merge.keep_older(page.head, [EncodedEntry.of(entry) for entry in page.entries])

    def _read(self, cursor: int) -> None:
        flight = self._ask(cursor)
        self._snapshot(flight)
        self._answer(flight)

    def _ask(self, cursor: int) -> Flight:
        loaded = self.merge.loaded
        after = self.merge.begin_read()
        self.flight = Flight(after if loaded else cursor)
        return self.flight

    def _snapshot(self, flight: Flight) -> None:
        flight.taken = True
        if not self.deleted:
            flight.page = LogPage(None, []) if self.log is None else self.log.page(flight.after, PAGE)

    def _answer(self, flight: Flight) -> None:
        self.flight = None
        if flight.page is None:
            self.merge.apply_deletion()
            self.told_deletion = self.told_deletion or self.deleted
            return
        self.merge.apply_page(flight.after, flight.page.head, [EncodedEntry.of(entry) for entry in flight.page.entries])
        if flight.page.head is not None:
            head = flight.page.head
            self._told(head.epoch, head.seq, head.redaction)

    # what must hold after every step

    @invariant()
    def lines_are_contiguous_and_end_at_the_head(self) -> None:
        merge = self.merge
        seqs = [entry.seq for entry in merge.entries]
        assert seqs == list(range(merge.head - len(seqs) + 1, merge.head + 1))

    @invariant()
    def what_is_kept_is_what_the_log_has(self) -> None:
        merge = self.merge
        if merge.epoch is None:
            assert merge.head == 0
            return
        log = self.logs[merge.epoch]
        assert merge.head <= log.head.seq, "it claims what never was"
        for kept in merge.entries:
            entry = log.entries[kept.seq - 1]
            blanked = entry.seq in log.redacted_by
            if not blanked or log.redacted_by[entry.seq] <= merge.head:
                assert kept.json == EncodedEntry.of(entry).json, "it shows what the log does not say (any more)"

    @invariant()
    def nothing_is_shown_that_is_known_to_be_withdrawn(self) -> None:
        merge = self.merge
        if merge.epoch is None:
            return
        shown = merge.since(max(0, merge.head - len(merge.entries)), 100)
        if not shown:
            return
        assert merge.epoch not in self.told_deleted, "it shows a log that it was told is deleted"
        log, known = self.logs[merge.epoch], self.told_redaction.get(merge.epoch, 0)
        for entry in shown:
            if log.redacted_by.get(entry.seq, known + 1) <= known:
                assert entry.json == EncodedEntry.of(log.entries[entry.seq - 1]).json, "its redaction is known"

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.merge._pending) <= PENDING_LIMIT
        assert all(seq > self.merge.head for seq in self.merge._pending)

    @invariant()
    def nothing_is_settled_while_a_read_is_under_way(self) -> None:
        assert self.flight is None or not self.merge.settled

    @invariant()
    def settled_means_up_to_what_was_told(self) -> None:
        merge = self.merge
        if merge.settled and merge.epoch is not None:
            assert merge.head >= self.told_head.get(merge.epoch, 0)

    def teardown(self) -> None:
        """Hints have stopped. A read that is under way ends, and two more at most bring the truth as far as anybody
        told of it."""
        if self.flight is not None:
            if not self.flight.taken:
                self._snapshot(self.flight)
            self._answer(self.flight)
        fresh = False
        for _ in range(2):
            if self.merge.settled:
                break
            self._read(0)
            fresh = True
        merge = self.merge
        assert merge.settled, "it never comes to rest"
        for check in (self.lines_are_contiguous_and_end_at_the_head, self.what_is_kept_is_what_the_log_has):
            check()
        if self.deleted and (fresh or self.told_deletion):
            assert merge.gone
        if self.log is not None and not self.deleted:
            told = fresh or self.log.epoch in self.told_head
            if told:
                assert (merge.epoch, merge.gone) == (self.log.epoch, False)
                assert merge.head >= (self.log.head.seq if fresh else self.told_head[self.log.epoch])


TestMerge = MergeMachine.TestCase
TestMerge.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
