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
from n8n.e2e.harness.workflow_edits import TYPING_SECONDS

ASSISTANT = [("assistant", "Assistant")]
LIMIT = 45.0
"""Seconds for anything that a loaded machine may be slow with; far below the 120 s of the workflow's typing."""


@contextmanager
def calling(stage: Stage, copy: Copy, conversation: str) -> Iterator[list[Answer]]:
    """Calls the webhook in a thread; the list has the answer when the block is left."""
    answers: list[Answer] = []

    def call() -> None:
        fields = {"conversation": conversation, "message": "Hello"}
        answers.append(stage.n8n.webhook(copy, fields, key=stage.service.key))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    yield answers
    thread.join(LIMIT)
    assert answers, "the webhook did not answer"


def until_typing(stage: Stage, conversation: str, expected: list[tuple[str, str]]) -> None:
    end = time.monotonic() + LIMIT
    while (typing := stage.service.typing(conversation)) != expected:
        assert time.monotonic() < end, f"{typing}, and not {expected}"
        time.sleep(0.1)


def test_typing_is_shown_while_it_works_and_is_over_when_the_answer_arrives(stage: Stage) -> None:
    with calling(stage, stage.setups.typing, "working") as answers:
        until_typing(stage, "working", ASSISTANT)
        end = time.monotonic() + LIMIT
        while True:
            poll = stage.service.call("GET", "working/events?after=0").body
            if len(poll["entries"]) == 2:
                break
            assert poll["typing"], "typing ended before the answer came"
            assert time.monotonic() < end, "no answer"
            time.sleep(0.1)
        assert poll["typing"] == [], "a reader who has the answer sees no typing"
    assert (answers[0].status, answers[0].body) == (200, {"answer": "You said: Hello"})
    assert stage.service.messages("working") == [("user", "Hello"), ("assistant", "You said: Hello")]
    assert stage.n8n.last_run(stage.setups.typing) == "success"


def test_work_that_fails_ends_the_typing_at_once(stage: Stage) -> None:
    with calling(stage, stage.setups.typing_fails, "failing") as answers:
        until_typing(stage, "failing", ASSISTANT)
        until_typing(stage, "failing", [])
    assert (answers[0].status, answers[0].body["error"]["code"]) == (502, "no_answer")
    assert stage.service.messages("failing") == [("user", "Hello")]
    assert stage.n8n.last_run(stage.setups.typing_fails) == "error"


def test_typing_that_is_never_ended_expires(stage: Stage) -> None:
    with calling(stage, stage.setups.typing_unhandled, "unhandled") as answers:
        until_typing(stage, "unhandled", ASSISTANT)
    assert answers[0].status == 500
    assert stage.n8n.last_run(stage.setups.typing_unhandled) == "error"
    began = time.monotonic()
    until_typing(stage, "unhandled", [])
    assert time.monotonic() - began < TYPING_SECONDS + LIMIT


def test_a_typing_request_that_fails_does_not_stop_the_work(stage: Stage, network: Network) -> None:
    network.breaks = "/typing"
    with calling(stage, stage.setups.typing, "no-typing") as answers:
        pass
    assert answers[0].body == {"answer": "You said: Hello"}


@pytest.mark.parametrize("missing", ["conversation", "message"])
def test_an_incomplete_call_stores_nothing(stage: Stage, missing: str) -> None:
    fields = {"conversation": "incomplete-typing", "message": "Hello"} | {missing: ""}
    answer = stage.n8n.webhook(stage.setups.typing, fields, key=stage.service.key)
    assert (answer.status, answer.body["error"]["code"]) == (400, "invalid_request")
    assert stage.service.log("incomplete-typing") == []


def test_work_without_an_answer_gets_the_configured_one(stage: Stage) -> None:
    with calling(stage, stage.setups.typing_without_answer, "without-answer") as answers:
        pass
    assert (answers[0].status, answers[0].body) == (200, {"answer": "Sorry, I have no answer to that."})
    assert stage.service.messages("without-answer")[1] == ("assistant", "Sorry, I have no answer to that.")
    assert stage.n8n.last_run(stage.setups.typing_without_answer) == "success"
