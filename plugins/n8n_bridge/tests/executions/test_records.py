"""Which execution is a run's, and what it answered, by what n8n 2.41 says of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_n8n_bridge.executions.records import (
    ListedExecution,
    TriggerRequest,
    answer_of,
    requests_of,
    saves_all,
)

from plugins.n8n_bridge.tests.n8n_api import execution, unfinished

RUN, SESSION = "n8n.abcdefghij.1.1", "ada"


def match_of(execution: dict[str, Any]) -> str:
    """Whether it is the run's."""
    found = requests_of(execution)
    return "unreadable" if found is None else "ours" if TriggerRequest(SESSION, RUN) in found else "other"


def request(run_id: str | None = RUN, session: str = SESSION) -> dict[str, Any]:
    metadata = {} if run_id is None else {"umbral_run": run_id}
    return {"action": "sendMessage", "sessionId": session, "chatInput": "hi", "metadata": metadata}


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (request(), "ours"),
        (request("n8n.abcdefghij.1.2"), "other"),
        (request(session="bob"), "other"),
        (request(None), "other"),
        (None, "unreadable"),
        ({}, "unreadable"),
        ({"body": request()}, "ours"),
        ({"body": request(None), "headers": {}}, "other"),
        ({"redacted": True}, "unreadable"),
        # Of a request with files n8n leaves the metadata as text.
        ({**request(), "metadata": '{"umbral_run":"n8n.abcdefghij.1.1"}', "files": []}, "ours"),
        ({**request(), "metadata": '["umbral_run"]'}, "other"),
        ({**request(), "metadata": "no JSON"}, "other"),
    ],
)
def test_it_is_ours_by_the_run_in_its_triggers_item(of: dict[str, Any] | None, expected: str) -> None:
    assert match_of(execution(1, of)) == expected


@pytest.mark.parametrize("status", ["new", "running", "crashed"])
@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (request(), "ours"),
        (request("n8n.abcdefghij.1.2"), "other"),
        ({"body": request()}, "ours"),
        ({"redacted": True}, "unreadable"),
        (None, "unreadable"),
    ],
)
def test_one_that_has_not_ended_or_crashed_is_known_by_what_it_began_with(
    of: dict[str, Any] | None, expected: str, status: str
) -> None:
    assert match_of(unfinished(1, of, status=status)) == expected


def test_what_waits_at_another_node_is_no_request() -> None:
    found = unfinished(1, request(), status="running")
    found["data"]["executionData"]["nodeExecutionStack"][0]["node"] = {"name": "Call", "type": "n8n-nodes-base.code"}
    assert match_of(found) == "unreadable"


def test_one_that_no_webhook_began_is_another() -> None:
    assert match_of({**execution(1, None), "mode": "manual"}) == "other"


@given(
    found=st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["data", "main", "resultData", "executionData", "nodeExecutionStack", "node"]), inner
            )
        ),
    )
)
def test_what_has_another_form_is_unreadable(found: Any) -> None:
    assert match_of({"data": found, "workflowData": found, "mode": "webhook"}) == "unreadable"
    assert answer_of({"data": found, "workflowData": found}) is None


def mode(value: str, answer: Any) -> dict[str, Any]:
    found = execution(1, request(), answer)
    found["workflowData"]["nodes"][0]["parameters"]["options"] = {"responseMode": value}
    return found


def test_the_answer_is_what_the_last_node_has() -> None:
    assert answer_of(execution(1, request(), {"output": "hello"})) == "hello"
    assert answer_of(mode("lastNode", {"text": "hello"})) == "hello"
    assert answer_of(execution(1, request(), {"output": " "})) is None
    assert answer_of(execution(1, request())) is None


def test_of_a_stream_it_is_an_agents_output_alone() -> None:
    assert answer_of(mode("streaming", {"output": "hello"})) == "hello"
    assert answer_of(mode("streaming", {"chatInput": "hi"})) is None
    assert answer_of(mode("responseNode", {"output": "hello"})) is None


@pytest.mark.parametrize(
    ("settings", "by_default", "expected"),
    [
        ({"saveDataSuccessExecution": "all", "saveDataErrorExecution": "all"}, False, True),
        ({"saveDataSuccessExecution": "all"}, False, False),
        ({"saveDataSuccessExecution": "DEFAULT"}, True, True),
        ({}, True, True),
        ({"saveDataErrorExecution": "none"}, True, False),
        (None, False, False),
    ],
)
def test_whether_n8n_keeps_every_execution(settings: Any, by_default: bool, expected: bool) -> None:
    assert saves_all({"settings": settings}, by_default=by_default) is expected


def test_one_without_a_time_is_not_an_old_one() -> None:
    at = "2026-11-29T00:00:00.000Z"
    assert ListedExecution(1, "success", started_at=at).began_before(1_795_910_400.5)
    assert not ListedExecution(1, "success", started_at=at).began_before(1_795_910_399.5)
    assert not ListedExecution(1, "new").began_before(9e9)
