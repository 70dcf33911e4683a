"""The judge is judged: sound histories pass, and every kind of broken one is caught and named."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .checker import Kind, check
from .facts import Acknowledgement, Facts, Item, Reading, Sent, item_of


def sound(messages: int = 8, readers: int = 2) -> Facts:
    """Two senders take turns in two conversations, repeat every third message, and give their last one up."""
    facts = Facts(heads={"a": 0, "b": 0}, logs={"a": [], "b": []})
    for turn in range(messages):
        sender, conversation = f"s{turn % 2}", "ab"[turn // 2 % 2]
        sent = Sent(f"{sender}-{turn}", conversation, sender, turn, f"text {turn}")
        log = facts.logs[conversation]
        item = Item(len(log) + 1, "message", sent.key, f"m{turn}", "2026-01-01T00:00:00Z", "user//", sent.content)
        log.append(item)
        facts.sent[sent.key] = sent
        facts.heads[conversation] = len(log)
        if turn < messages - 2:
            facts.acknowledgements.append(Acknowledgement(sent.key, True, item))
        if turn % 3 == 0 and turn < messages - 2:
            facts.acknowledgements.append(Acknowledgement(sent.key, False, item))
    facts.sent["s0-never"] = Sent("s0-never", "a", "s0", messages, "given up, and never stored")
    facts.readings = [Reading(f"r{n}", name, list(log)) for n in range(readers) for name, log in facts.logs.items()]
    return facts


def kinds(facts: Facts) -> set[Kind]:
    return {violation.kind for violation in check(facts)}


def everywhere(facts: Facts, break_it: Callable[[list[Item]], None]) -> None:
    """Break conversation a's log and what its readers saw alike, so that only the log itself can give it away."""
    for items in [facts.logs["a"], *(reading.items for reading in facts.readings if reading.conversation == "a")]:
        break_it(items)
    facts.heads["a"] = len(facts.logs["a"])


def renumber(items: list[Item]) -> None:
    items[:] = [item._replace(seq=seq) for seq, item in enumerate(items, start=1)]


@given(st.integers(4, 40), st.integers(0, 3))
def test_a_sound_history_has_no_violation(messages: int, readers: int) -> None:
    assert check(sound(messages, readers)) == []


def test_an_acknowledged_entry_that_is_gone_is_lost() -> None:
    facts = sound()
    everywhere(facts, lambda items: items.__delitem__(0))
    assert {"lost", "gap"} <= kinds(facts)


def test_an_acknowledged_entry_whose_seq_was_given_to_another_is_lost() -> None:
    facts = sound()

    def forget_the_first_and_close_ranks(items: list[Item]) -> None:
        del items[0]
        renumber(items)

    everywhere(facts, forget_the_first_and_close_ranks)
    assert "lost" in kinds(facts)
    assert "gap" not in kinds(facts)


def test_a_log_that_lost_its_newest_entries_is_caught() -> None:
    facts = sound()
    everywhere(facts, lambda items: items.__delitem__(slice(1, None)))
    assert kinds(facts) == {"lost"}


def test_an_entry_that_is_there_twice_is_duplicated() -> None:
    facts = sound()
    everywhere(facts, lambda items: items.append(items[0]._replace(seq=len(items) + 1, message_id="other")))
    assert kinds(facts) == {"duplicated"}


def test_a_send_that_was_given_up_may_be_there_once_but_not_twice() -> None:
    facts = sound()
    stored = Item(len(facts.logs["a"]) + 1, "message", "s0-never", "m", "t", "user//", "given up, and never stored")
    everywhere(facts, lambda items: items.append(stored))
    assert check(facts) == []
    everywhere(facts, lambda items: items.append(stored._replace(seq=stored.seq + 1)))
    assert kinds(facts) == {"duplicated"}


def test_a_hole_in_the_numbers_is_a_gap_and_so_is_a_head_past_the_end() -> None:
    facts = sound(messages=4)
    facts.acknowledgements.clear()
    everywhere(facts, lambda items: items.__setitem__(-1, items[-1]._replace(seq=items[-1].seq + 1)))
    assert kinds(facts) == {"gap"}
    facts = sound()
    facts.heads["b"] += 1
    assert kinds(facts) == {"gap"}


def test_a_later_message_that_stands_before_an_earlier_one_is_reordered() -> None:
    facts = sound(messages=12)
    mine = [ack for ack in facts.acknowledgements if facts.sent[ack.key][1:3] == ("a", "s0") and ack.created]
    one, other = mine[0].item, mine[1].item
    moved = {one.key: one._replace(seq=other.seq), other.key: other._replace(seq=one.seq)}

    def swap(items: list[Item]) -> None:
        items[:] = sorted(moved.get(item.key, item) for item in items)

    everywhere(facts, swap)
    acks = facts.acknowledgements
    facts.acknowledgements = [ack._replace(item=moved.get(ack.key, ack.item)) for ack in acks]
    assert kinds(facts) == {"reordered"}


def test_other_content_than_was_sent_or_acknowledged_is_altered() -> None:
    facts = sound()
    everywhere(facts, lambda items: items.__setitem__(0, items[0]._replace(content="text O")))
    assert kinds(facts) == {"altered"}
    facts = sound()
    everywhere(facts, lambda items: items.__setitem__(0, items[0]._replace(at="2027-01-01T00:00:00Z")))
    assert kinds(facts) == {"altered"}


def test_an_entry_that_nobody_sent_is_foreign() -> None:
    facts = sound()
    everywhere(facts, lambda items: items.append(items[0]._replace(seq=len(items) + 1, key="s9-9")))
    assert kinds(facts) == {"foreign"}


def test_an_entry_in_another_conversation_than_it_was_sent_to_is_foreign() -> None:
    facts = sound()
    everywhere(facts, lambda items: items.append(facts.logs["b"][-1]._replace(seq=len(items) + 1)))
    assert kinds(facts) == {"foreign"}


OTHERS: list[Callable[[Item], Item]] = [
    lambda item: item._replace(seq=99),
    lambda item: item._replace(message_id="other"),
    lambda item: item._replace(at="2027-01-01T00:00:00Z"),
    lambda item: item._replace(content="other"),
]


@pytest.mark.parametrize("other", OTHERS)
def test_a_repeat_that_is_answered_with_another_entry_than_the_first_is_caught(other: Callable[[Item], Item]) -> None:
    facts = sound()
    again = facts.acknowledgements[0]
    facts.acknowledgements.append(again._replace(created=False, item=other(again.item)))
    assert "retry" in kinds(facts)


def test_a_repeat_that_is_answered_as_new_is_caught() -> None:
    facts = sound()
    facts.acknowledgements.append(facts.acknowledgements[0])
    assert kinds(facts) == {"retry"}


def test_a_send_that_is_answered_with_somebody_elses_entry_is_caught() -> None:
    facts = sound()
    one, other = facts.acknowledgements[0], facts.acknowledgements[-1]
    facts.acknowledgements[0] = one._replace(item=other.item)
    assert "retry" in kinds(facts)


READER_FAULTS: dict[Kind, Callable[[list[Item]], None]] = {
    "duplicated": lambda items: items.insert(2, items[0]),
    "reordered": lambda items: items.insert(0, items.pop(1)),
    "gap": lambda items: items.__delitem__(1),
    "lost": lambda items: items.__delitem__(-1),
    "altered": lambda items: items.__setitem__(1, items[1]._replace(content="other")),
}


@pytest.mark.parametrize("kind", READER_FAULTS)
def test_a_single_reader_with_a_single_fault_is_caught(kind: Kind) -> None:
    facts = sound(messages=16)
    READER_FAULTS[kind](facts.readings[1].items)
    assert kind in kinds(facts)


def test_an_answer_that_the_contract_does_not_allow_is_a_violation() -> None:
    facts = sound()
    facts.surprises.append("410 cursor_expired")
    assert kinds(facts) == {"surprise"}


@given(st.data())
def test_no_single_change_to_what_a_reader_saw_goes_unseen(data: st.DataObject) -> None:
    facts = sound(messages=20)
    items = data.draw(st.sampled_from(facts.readings)).items
    before = copy.copy(items)
    one = data.draw(st.integers(0, len(items) - 1))
    match data.draw(st.sampled_from(["drop", "repeat", "move"])):
        case "drop":
            del items[one]
        case "repeat":
            items.insert(data.draw(st.integers(0, len(items))), items[one])
        case _:
            items.insert(data.draw(st.integers(0, len(items) - 1)), items.pop(one))
    assert bool(check(facts)) == (items != before)


def test_two_shapes_of_one_entry_are_two_items() -> None:
    entry = {"kind": "message", "seq": 1, "at": "t", "sender": {"role": "user"}, "message_id": "m", "content": "c"}
    assert item_of(entry) == item_of(dict(reversed(entry.items())))
    assert item_of(entry) != item_of(entry | {"redacted": True})
    assert item_of(entry) != item_of(entry | {"sender": {"role": "user", "name": "n"}})
