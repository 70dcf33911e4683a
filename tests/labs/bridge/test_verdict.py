"""The verdict: every broken promise is found, and what was promised is none."""

from __future__ import annotations

from typing import Any

import pytest

from .journal import Call, Execution
from .observations import Answer, Observations, Stored, answer_of
from .plan import CHATS, Chat, Drawn, Window, answer_to
from .verdict import fates, judge, unknown

STREAMED, _, BLIND = CHATS
ROOM = "streamed:a"


def stored(number: int, chat: Chat = STREAMED) -> Stored:
    return Stored(f"m{number}", chat, f"{chat.name}:a", 2 * number)


def call(number: int, how: str = "answered", fault: str = "") -> Call:
    return Call(f"m{number}", f"run-{number}", fault, how)


def execution(number: int, status: str = "success", at: int = 0) -> Execution:
    return Execution(at or number, "workflow", f"m{number}", f"run-{number}", status, "", {}, None)


def answer(number: int, chat: Chat = STREAMED, **other: Any) -> Answer:
    made = Answer(f"{chat.name}:a", 2 * number + 1, 2 * number, answer_to(f"m{number}"), whole=True)
    return made._replace(**other)


def ended(number: int, chat: Chat = STREAMED) -> Answer:
    return answer(number, chat, content=None, whole=False, reason="failed: for a test")


def seen(chat: Chat = STREAMED) -> Observations:
    """Two messages that were answered as was promised."""
    return Observations(
        stored=[stored(1, chat), stored(2, chat)],
        answers=[answer(1, chat), answer(2, chat)],
        calls=[call(1), call(2)],
        executions=[execution(1), execution(2)],
    )


def drawn(forever: dict[str, Any] | None = None, *windows: Window) -> Drawn:
    return Drawn([], windows, [], forever or {})


def kinds(observed: Observations, given: Drawn | None = None, *, whole: bool = True) -> set[str]:
    return {violation.kind for violation in judge(observed, given or drawn(), whole=whole)}


@pytest.mark.parametrize("chat", CHATS)
def test_what_was_promised_is_no_violation(chat: Chat) -> None:
    assert kinds(seen(chat)) == set()


def test_a_message_without_any_outcome_is_lost_but_not_in_a_run_that_was_broken_off() -> None:
    observed = seen()
    observed.answers.pop()
    assert kinds(observed) == {"lost"}
    assert kinds(observed, whole=False) == set()


def test_text_so_far_is_enough_only_where_n8n_cannot_be_asked() -> None:
    for chat, expected in ((STREAMED, {"lost"}), (BLIND, set())):
        observed = seen(chat)
        observed.answers[1] = answer(2, chat, content="re", whole=False)
        observed.calls[1] = call(2, "lost", "cut")
        assert kinds(observed) == expected


def test_text_so_far_that_is_followed_by_all_of_it_is_one_answer() -> None:
    observed = seen()
    observed.answers.append(answer(2, content="re", whole=False, seq=20))
    assert kinds(observed) == set()


def test_two_answers_and_an_answer_to_a_failed_run_are_found() -> None:
    for more in (answer(2, seq=9), ended(2)):
        observed = seen()
        observed.answers.append(more)
        assert kinds(observed) == {"twice"}


def test_another_answer_than_that_of_the_workflow_is_found() -> None:
    observed = seen()
    observed.answers[1] = answer(2, content="re m1: w0")
    assert kinds(observed) == {"altered"}
    observed.answers[1] = answer(2)
    observed.executions[1] = execution(2, "error")
    assert kinds(observed) == {"altered"}


def test_a_message_or_a_run_with_two_executions_is_found() -> None:
    observed = seen()
    observed.executions.append(execution(2, at=3))
    assert "doubled" in kinds(observed)
    observed.executions[2] = observed.executions[2]._replace(run_id="run-2b")
    assert kinds(observed) == {"doubled"}


def test_executions_and_answers_out_of_order_are_found() -> None:
    observed = seen()
    observed.executions = [execution(2, at=1), execution(1, at=2)]
    assert kinds(observed) == {"reordered"}
    observed = seen()
    observed.answers = [answer(1, seq=9), answer(2)]
    assert kinds(observed) == {"reordered"}


def test_a_message_that_was_given_up_as_unknown_may_begin_at_any_time() -> None:
    observed = seen(BLIND)
    observed.executions = [execution(2, at=1), execution(1, at=2)]
    observed.calls[0] = call(1, "lost")
    observed.answers[0] = ended(1, BLIND)
    observed.dead = {"blind": [("blind:a", 2)]}
    assert kinds(observed) == set()
    observed.dead, observed.answers[0] = {}, answer(1, BLIND)
    assert kinds(observed) == {"reordered"}


def test_what_n8n_never_takes_must_be_a_dead_letter_and_what_it_took_none() -> None:
    observed = seen()
    observed.executions.pop()
    observed.calls[1] = call(2, "refused", "refused")
    observed.answers[1] = ended(2)
    forever = drawn({"m2": "refused"})
    assert kinds(observed, forever) == {"dead letter"}
    observed.dead = {"streamed": [(ROOM, 4)]}
    assert kinds(observed, forever) == set()
    assert kinds(observed) == {"dead letter"}
    observed.dead = {"streamed": [(ROOM, 4), (ROOM, 4), (ROOM, 99)]}
    assert kinds(observed, forever) == {"dead letter"}


@pytest.mark.parametrize(
    ("chat", "how", "status", "allowed"),
    [
        (STREAMED, "cut_before", None, True),
        (STREAMED, "died", "crashed", False),
        (STREAMED, "died", "running", True),
        (BLIND, "died", "crashed", True),
        (STREAMED, "lost", "success", False),
        (STREAMED, "answered", "error", False),
        (BLIND, "lost", "success", True),
        (BLIND, "answered", "success", False),
        (BLIND, "busy", None, False),
    ],
)
def test_only_what_was_cut_may_be_unknown(chat: Chat, how: str, status: str | None, allowed: bool) -> None:
    observed = seen(chat)
    observed.calls[1], observed.answers[1] = call(2, how), ended(2, chat)
    observed.executions[1:] = [] if status is None else [execution(2, status)]
    observed.dead = {chat.name: [(f"{chat.name}:a", 4)]}
    assert kinds(observed) == (set() if allowed else {"dead letter"})
    at_most, are = unknown(fates(observed), {})
    assert at_most == ({(f"{chat.name}:a", 4)} if allowed and chat.asks else set())
    assert are == ({(f"{chat.name}:a", 4)} if chat.asks else set())


def test_an_end_that_n8n_recorded_when_it_was_no_longer_asked_may_be_unknown() -> None:
    for lasted, expected in ((seen().ask_for, {"dead letter"}), (seen().ask_for + 1, set())):
        observed = seen()
        observed.calls[1], observed.answers[1] = call(2, "died"), ended(2)
        observed.executions[1] = execution(2, "crashed")._replace(lasted=lasted)
        observed.dead = {"streamed": [(ROOM, 4)]}
        assert kinds(observed) == expected


def test_n8n_may_have_answered_before_it_crashed() -> None:
    observed = seen()
    for how in ("answered", "died"):
        observed.executions[1], observed.calls[1] = execution(2, "crashed"), call(2, how)
        assert kinds(observed) == set()
    observed.answers[1] = answer(2, content="n8n is starting up. Please wait")
    assert kinds(observed) == {"altered"}


def test_a_call_that_never_left_a_killed_instance_may_be_unknown() -> None:
    observed = seen()
    observed.calls.pop()
    observed.executions.pop()
    observed.answers[1] = ended(2)
    observed.dead = {"streamed": [(ROOM, 4)]}
    assert kinds(observed) == set()


def test_a_fault_that_hit_nothing_is_found_and_n8ns_outages_are_not_its_own() -> None:
    windows = [Window(0, 1, "cut"), Window(2, 3, "stopped")]
    assert kinds(seen(), drawn({}, *windows)) == {"tame"}
    observed = seen()
    observed.calls[0] = call(1, fault="cut")
    assert kinds(observed, drawn({}, *windows)) == set()


def test_an_entry_says_which_message_it_answers() -> None:
    assistant = {"role": "assistant"}
    said = {"kind": "message", "seq": 7, "sender": assistant, "content": "re", "metadata": {"umbral_run": "n8n.ab.6.1"}}
    assert answer_of(ROOM, said) == replace_answer(seq=7, for_seq=6, content="re", whole=True)
    cut = answer_of(ROOM, said | {"finish": "failed"})
    assert cut is not None
    assert not cut.whole
    interrupted = {name: value for name, value in said.items() if name != "metadata"}
    assert answer_of(ROOM, interrupted | {"message_id": "n8n.ab.6.1.0", "finish": "interrupted"}) == replace_answer(
        seq=7, for_seq=6, content="re", whole=False, reason="text so far, interrupted"
    )
    run = {"kind": "run", "seq": 8, "sender": assistant, "outcome": "failed", "reason": "why", "for_seq": 6}
    assert answer_of(ROOM, run) == Answer(ROOM, 8, 6, None, False, "failed: why")
    assert answer_of(ROOM, {"kind": "message", "sender": {"role": "user"}}) is None
    assert answer_of(ROOM, {"kind": "update", "sender": assistant}) is None


def replace_answer(**given: Any) -> Answer:
    return Answer(ROOM, **{"reason": "text so far, None"} | given)
