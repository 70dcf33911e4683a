"""The merge, case by case; `test_merge_machine.py` tries all the others."""

from __future__ import annotations

from umbral_chat._core.feed.merge import PENDING_LIMIT, Merge
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.conversations import Deleted, Head

from .memory import Log


def loaded(log: Log, keep: int = 500) -> Merge:
    merge = Merge(keep)
    read(merge, log)
    return merge


def read(merge: Merge, log: Log, limit: int = 500) -> None:
    after = merge.begin_read()
    page = log.page(after, limit)
    merge.apply_page(after, page.head, [EncodedEntry.of(entry) for entry in page.entries])


def hint(merge: Merge, log: Log, *seqs: int) -> list[bool]:
    return [merge.hint_entry(log.epoch, EncodedEntry.of(log.entries[seq - 1])) for seq in seqs]


def grown(length: int) -> Log:
    log = Log()
    for _ in range(length):
        log.say()
    return log


def seqs(merge: Merge) -> list[int]:
    return [entry.seq for entry in merge.entries]


def test_hints_out_of_order_become_readable_in_order_and_need_no_read() -> None:
    merge = loaded(log := grown(1))
    for _ in range(4):
        log.say()
    assert hint(merge, log, 5, 3) == [False, False]
    assert (merge.settled, merge.gap, merge.head) == (False, True, 1)
    assert hint(merge, log, 2) == [True]
    assert (merge.settled, merge.head) == (False, 3), "the fifth is known, and the fourth is not"
    assert hint(merge, log, 4, 4, 2, 5) == [True, False, False, False]
    assert (merge.settled, merge.head, seqs(merge)) == (True, 5, [1, 2, 3, 4, 5])


def test_a_flood_ahead_of_a_gap_is_bounded_and_one_read_brings_it_all() -> None:
    merge = loaded(log := grown(1))
    for _ in range(PENDING_LIMIT + 50):
        log.say()
    hint(merge, log, *range(3, len(log.entries) + 1))
    assert len(merge._pending) == PENDING_LIMIT
    read(merge, log)
    assert (merge.settled, merge.head, len(merge._pending)) == (True, len(log.entries), 0)


def test_a_hint_that_comes_while_a_read_is_under_way_needs_another() -> None:
    merge = loaded(log := grown(2))
    after = merge.begin_read()
    page = log.page(after, 10)
    log.say()
    log.say()
    hint(merge, log, 4)
    merge.apply_page(after, page.head, [EncodedEntry.of(entry) for entry in page.entries])
    assert not merge.settled
    read(merge, log)
    assert (merge.settled, merge.head) == (True, 4)


def test_a_read_that_failed_leaves_everything_open() -> None:
    merge = loaded(log := grown(1))
    log.say()
    log.say()
    hint(merge, log, 3)
    merge.begin_read()
    merge.read_failed()
    assert not merge.settled
    read(merge, log)
    assert (merge.settled, merge.head) == (True, 3)


def test_far_behind_nothing_is_kept_up_and_the_head_is_right() -> None:
    merge = loaded(log := grown(3), keep=5)
    for _ in range(50):
        log.say()
    merge.hint_head(log.head)
    read(merge, log, limit=5)
    assert (merge.settled, merge.head, seqs(merge)) == (True, 53, [])
    assert merge.since(50, 10) is None
    assert merge.since(53, 10) == []
    log.say()
    hint(merge, log, 54)
    assert seqs(merge) == [54]


def older(merge: Merge, log: Log, after: int, limit: int) -> list[int]:
    page = log.page(after, limit)
    assert page.head is not None
    merge.keep_older(page.head, [EncodedEntry.of(entry) for entry in page.entries])
    return seqs(merge)


def test_what_others_read_from_before_what_is_kept_is_kept_as_far_as_it_joins() -> None:
    merge = Merge(6)
    log = grown(10)
    read(merge, log, limit=4)
    assert (merge.head, seqs(merge)) == (10, [])
    assert older(merge, log, 3, 4) == [], "8 to 10 would be missing"
    assert older(merge, log, 7, 4) == [8, 9, 10]
    assert older(merge, log, 2, 3) == [8, 9, 10], "6 and 7 would be missing"
    assert older(merge, log, 3, 6) == [5, 6, 7, 8, 9, 10], "no more than there is room for"
    assert older(merge, log, 0, 4) == [5, 6, 7, 8, 9, 10]
    hint(merge, grown(10), 10)  # of another log
    assert merge.hidden
    assert older(merge, log, 0, 4) == [5, 6, 7, 8, 9, 10]


def test_what_others_read_before_a_redaction_is_not_kept_after_it() -> None:
    merge = loaded(log := grown(3))
    before = log.page(0, 3)
    assert before.head is not None
    log.redact(log.messages[0])
    hint(merge, log, 4)
    merge.keep_older(before.head, [EncodedEntry.of(entry) for entry in before.entries])
    assert seqs(merge) == [4]
    assert older(merge, log, 0, 3) == [1, 2, 3, 4]


def test_a_redaction_takes_what_is_kept_and_what_is_not_kept_is_read_again() -> None:
    merge = loaded(log := grown(3))
    log.redact(log.messages[0])
    hint(merge, log, 4)
    assert (merge.redaction, seqs(merge), merge.since(0, 10)) == (4, [4], None)


def test_a_head_that_tells_of_a_redaction_hides_what_is_kept_until_it_is_read() -> None:
    merge = loaded(log := grown(3))
    log.redact(log.messages[0])
    merge.hint_head(log.head)
    assert merge.since(0, 10) is None
    merge.begin_read()
    assert merge.since(0, 10) is None, "asking is not knowing"
    merge.read_failed()
    assert merge.since(0, 10) is None
    read(merge, log)
    assert (merge.redaction, merge.head, merge.settled) == (4, 4, True)


def test_a_redaction_version_that_no_entry_explains_takes_what_is_kept() -> None:
    merge = loaded(log := grown(3))
    after = merge.begin_read()
    merge.apply_page(after, Head(log.epoch, 3, 2), [])
    assert (seqs(merge), merge.redaction, merge.head) == ([], 2, 3)


def test_a_deletion_that_is_hinted_hides_and_one_that_is_read_is_known() -> None:
    merge = loaded(log := grown(3))
    merge.hint_head(Deleted())
    assert (merge.since(0, 10), merge.settled, merge.gone) == (None, False, False)
    merge.begin_read()
    assert merge.apply_deletion()
    assert (merge.gone, merge.settled, merge.head, merge.epoch) == (True, True, 0, None)
    merge.hint_head(Deleted())
    assert merge.settled, "it is no news"
    hint(merge, log, 3)
    assert not merge.settled, "only a read can tell whether it lives again"


def test_a_deletion_that_is_hinted_while_a_read_finds_it_alive_again_is_not_lost() -> None:
    merge = Merge(10)
    merge.begin_read()
    merge.apply_deletion()
    revived = grown(1)
    after = merge.begin_read()
    page = revived.page(after, 10)
    merge.hint_head(Deleted())  # deleted a second time, after the snapshot
    merge.apply_page(after, page.head, [EncodedEntry.of(entry) for entry in page.entries])
    assert (merge.settled, merge.since(0, 10)) == (False, None)


def test_a_log_that_is_shorter_than_what_was_asked_for_is_another() -> None:
    merge = loaded(log := grown(9))
    del log.entries[4:]
    read(merge, log)
    assert (merge.head, seqs(merge), merge.settled) == (4, [], True)
