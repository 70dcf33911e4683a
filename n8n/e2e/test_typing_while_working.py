"""typing-while-working.json in a real n8n: typing is seen while it works, and ends with the answer, or without one."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from n8n.e2e.harness.copies import Copy
from n8n.e2e.harness.faults import Network
from n8n.e2e.harness.stage import Stage
from n8n.e2e.harness.web import Answer
from n8n.e2e.harness.work import TYPING_SECONDS

ASSISTANT = [("assistant", "Assistant")]
LIMIT = 45.0
"""Seconds for anything that a loaded machine may be slow with; far below the 120 s of the workflow's typing."""


@contextmanager
def asked(stage: Stage, copy: Copy, conversation: str) -> Iterator[list[Answer]]:
    """A call under way; what came back is there when the block is left."""
    came: list[Answer] = []

    def call() -> None:
        fields = {"conversation": conversation, "message": "Hello"}
        came.append(stage.n8n.webhook(copy, fields, key=stage.service.key))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    yield came
    thread.join(LIMIT)
    assert came, "the webhook did not answer"


def until_typing(stage: Stage, conversation: str, expected: list[tuple[str, str]]) -> None:
    end = time.monotonic() + LIMIT
    while (typing := stage.service.typing(conversation)) != expected:
        assert time.monotonic() < end, f"{typing}, and not {expected}"
        time.sleep(0.1)


def test_typing_is_seen_while_it_works_and_is_over_where_the_answer_is(stage: Stage) -> None:
    with asked(stage, stage.setups.typing, "working") as came:
        until_typing(stage, "working", ASSISTANT)
        end = time.monotonic() + LIMIT
        while True:
            poll = stage.service.call("GET", "working/events?after=0").body
            if len(poll["entries"]) == 2:
                break
            assert poll["typing"], "typing ended before the answer came"
            assert time.monotonic() < end, "no answer"
            time.sleep(0.1)
        assert poll["typing"] == [], "whoever sees the answer sees nobody type"
    assert (came[0].status, came[0].body) == (200, {"answer": "You said: Hello"})
    assert stage.service.said("working") == [("user", "Hello"), ("assistant", "You said: Hello")]
    assert stage.n8n.last_run(stage.setups.typing) == "success"


def test_work_that_fails_ends_the_typing_at_once(stage: Stage) -> None:
    with asked(stage, stage.setups.typing_fails, "failing") as came:
        until_typing(stage, "failing", ASSISTANT)
        until_typing(stage, "failing", [])
    assert (came[0].status, came[0].body["error"]["code"]) == (502, "no_answer")
    assert stage.service.said("failing") == [("user", "Hello")]
    assert stage.n8n.last_run(stage.setups.typing_fails) == "error"


def test_typing_that_nobody_takes_back_ends_by_itself(stage: Stage) -> None:
    with asked(stage, stage.setups.typing_unhandled, "unhandled") as came:
        until_typing(stage, "unhandled", ASSISTANT)
    assert came[0].status == 500
    assert stage.n8n.last_run(stage.setups.typing_unhandled) == "error"
    began = time.monotonic()
    until_typing(stage, "unhandled", [])
    assert time.monotonic() - began < TYPING_SECONDS + LIMIT


def test_typing_is_a_courtesy_without_which_the_work_goes_on(stage: Stage, network: Network) -> None:
    network.breaks = "/typing"
    with asked(stage, stage.setups.typing, "discourteous") as came:
        pass
    assert came[0].body == {"answer": "You said: Hello"}


@pytest.mark.parametrize("missing", ["conversation", "message"])
def test_an_incomplete_call_stores_nothing(stage: Stage, missing: str) -> None:
    fields = {"conversation": "incomplete-typing", "message": "Hello"} | {missing: ""}
    answer = stage.n8n.webhook(stage.setups.typing, fields, key=stage.service.key)
    assert (answer.status, answer.body["error"]["code"]) == (400, "invalid_request")
    assert stage.service.log("incomplete-typing") == []


def test_work_that_says_nothing_is_answered_for(stage: Stage) -> None:
    with asked(stage, stage.setups.typing_in_vain, "in-vain") as came:
        pass
    assert (came[0].status, came[0].body) == (200, {"answer": "Sorry, I have no answer to that."})
    assert stage.service.said("in-vain")[1] == ("assistant", "Sorry, I have no answer to that.")
    assert stage.n8n.last_run(stage.setups.typing_in_vain) == "success"
