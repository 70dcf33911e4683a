"""send-and-follow.json in a real n8n: it returns exactly the new entries, and an error is never an answer."""

from typing import Any

import pytest

from n8n.e2e.harness.copies import Copy
from n8n.e2e.harness.faults import Network
from n8n.e2e.harness.stage import WRONG_KEY, Stage
from n8n.e2e.harness.web import Answer


def send(stage: Stage, copy: Copy | None = None, **fields: object) -> Answer:
    return stage.n8n.webhook(copy or stage.setups.follow, fields, key=stage.service.key)


def contents(answer: Answer) -> list[str]:
    entries: list[dict[str, Any]] = answer.body["entries"]
    return [entry["content"] for entry in entries]


def test_the_entries_after_the_cursor_including_those_of_others(stage: Stage) -> None:
    first = send(stage, conversation="follow", message="one")
    assert first.status == 200
    assert contents(first) == ["one"]
    assert first.body["sent"]["seq"] == 1

    stage.service.push("follow", "between", role="agent")
    second = send(stage, conversation="follow", message="two", after=first.body["cursor"])
    assert second.status == 200
    assert [(entry["seq"], entry["sender"]["role"], entry["content"]) for entry in second.body["entries"]] == [
        (2, "agent", "between"),
        (3, "user", "two"),
    ]
    assert second.body["sent"] == {"seq": 3, "message_id": second.body["entries"][1]["message_id"], "created": True}
    assert second.body["has_more"] is False

    third = send(stage, conversation="follow", message="three", after=second.body["cursor"])
    assert contents(third) == ["three"]
    assert stage.service.messages("follow")[1] == ("agent", "between")
    assert stage.n8n.last_run(stage.setups.follow) == "success"


def test_more_than_a_page_is_returned_complete_and_in_order(stage: Stage) -> None:
    for number in range(1, 231):
        stage.service.push("pages", str(number))
    answer = send(stage, conversation="pages", message="231")
    assert answer.status == 200
    assert contents(answer) == [str(number) for number in range(1, 232)]
    assert answer.body["has_more"] is False


def test_a_call_that_is_repeated_with_its_client_id_is_stored_once(stage: Stage) -> None:
    first = send(stage, conversation="repeated", message="Hi", client_id="my-1")
    again = send(stage, conversation="repeated", message="Hi", client_id="my-1")
    assert (first.body["sent"]["created"], again.body["sent"]["created"]) == (True, False)
    assert stage.service.messages("repeated") == [("user", "Hi")]


def test_lost_answers_are_asked_for_again_and_nothing_is_stored_twice(stage: Stage, network: Network) -> None:
    network.lose = 2
    answer = send(stage, stage.setups.follow_over_network, conversation="lossy-follow", message="once")
    assert answer.status == 200
    assert contents(answer) == ["once"]
    assert network.seen == 4, "send three times, follow once"
    assert stage.service.messages("lossy-follow") == [("user", "once")]


def test_a_cursor_of_another_log_is_named(stage: Stage) -> None:
    stage.service.push("other-log", "another's")
    strange = stage.service.push("strange", "mine")
    answer = send(stage, conversation="other-log", message="Hi", after=strange)
    assert answer.status == 410
    assert answer.body["error"]["code"] == "cursor_expired"
    assert answer.body["sent"]["seq"] == 2, "it was stored, and the answer says so"
    assert stage.n8n.last_run(stage.setups.follow) == "error"


def test_a_wrong_service_key_is_an_error_with_its_reason(stage: Stage) -> None:
    copy = stage.setups.follow_wrong_key
    answer = stage.n8n.webhook(copy, {"conversation": "wrong", "message": "Hi"}, key=WRONG_KEY)
    assert answer.status == 502
    assert answer.body["error"]["status"] == 401
    assert answer.body["sent"] is None
    assert stage.n8n.last_run(copy) == "error"
    assert stage.service.log("wrong") == []


@pytest.mark.parametrize("passed", [0, 1])
def test_a_service_that_cannot_be_reached_is_an_error(stage: Stage, network: Network, passed: int) -> None:
    network.down_after = passed
    copy, conversation = stage.setups.follow_over_network, f"unreachable-{passed}"
    answer = send(stage, copy, conversation=conversation, message="Hi")
    assert answer.status == 502
    assert answer.body["error"]["code"] == "unreachable"
    assert bool(answer.body["sent"]) == bool(passed), "the answer says whether it was stored"
    assert len(stage.service.log(conversation)) == passed
    assert stage.n8n.last_run(copy) == "error"


@pytest.mark.parametrize("key", [None, WRONG_KEY])
def test_a_caller_without_the_key_is_refused(stage: Stage, key: str | None) -> None:
    answer = stage.n8n.webhook(stage.setups.follow, {"conversation": "refused", "message": "Hi"}, key=key)
    assert answer.status == 403
    assert stage.service.log("refused") == []


INCOMPLETE: list[dict[str, object]] = [
    {},
    {"conversation": "incomplete"},
    {"conversation": "incomplete", "message": ""},
    {"message": "Hi"},
    {"conversation": "..", "message": "Hi"},
]


@pytest.mark.parametrize("fields", INCOMPLETE)
def test_an_incomplete_call_is_an_invalid_request(stage: Stage, fields: dict[str, object]) -> None:
    answer = stage.n8n.webhook(stage.setups.follow, fields, key=stage.service.key)
    assert answer.status == 400
    assert answer.body["error"]["code"] == "invalid_request"
    assert stage.service.log("incomplete") == []
