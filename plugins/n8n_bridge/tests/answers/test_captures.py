"""What n8n 2.41.1 was seen to answer, each as one case."""

from __future__ import annotations

import json
from typing import Any

import pytest
from umbral_chat.settings import Secret
from umbral_chat_n8n_bridge.answers.events import Ended

from .reading import ending, events_of, line, messages, stream


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ({"output": "echo:hi"}, "echo:hi"),
        ({"text": "a text"}, "a text"),
        ({"message": "a message"}, "a message"),
        ({"output": {"a": [1]}}, '{"a":[1]}'),
        ([{"output": "in a list"}], '[{"output":"in a list"}]'),
        ({"other": 1}, '{"other":1}'),
        ({"type": "ping", "output": "no line of a stream"}, "no line of a stream"),
    ],
)
def test_the_last_node(answer: Any, shown: str) -> None:
    for body in (json.dumps(answer), json.dumps(answer, indent=2), json.dumps(answer) + "\n"):
        events = events_of(body.encode())
        assert messages(events) == [(shown, True)]
        assert ending(events)[:2] == ("text", "answered")


def test_plain_text() -> None:
    assert messages(events_of(b"just\ntext")) == [("just\ntext", True)]


@pytest.mark.parametrize(
    ("status", "body", "way", "code"),
    [
        (200, b"", "silent", "empty"),
        (204, b"", "silent", "empty"),
        (200, b"\n", "silent", "empty"),
        (200, b'{"output":""}', "silent", "empty"),
        (200, b'{"output":null,"text":" "}', "silent", "empty"),
        (200, b"null", "silent", "empty"),
        (200, b'{"action":"sendMessage","chatInput":"x","sessionId":"w75"}', "silent", "echoed"),
        (
            200,
            b'{"action":"sendMessage","chatInput":"x","sessionId":"w75","metadata":{"umbral_run":"r"}}',
            "silent",
            "echoed",
        ),
        (200, b'{"message":"Workflow was started"}', "silent", "accepted"),
        (500, b'{"message":"Error in workflow"}', "failed", "workflow_failed"),
        (500, b'{"code":0,"message":"There was a problem executing the workflow","stacktrace":""}', "failed", None),
        (404, b'{"code":404,"message":"The requested webhook is not registered."}', "never_began", "webhook_not_found"),
        (428, b'{"credentials":[]}', "never_began", "credentials_required"),
        (503, b"{}", "never_began", "unavailable"),
        (200, b"n8n is starting up. Please wait", "never_began", "unavailable"),
        (429, b"{}", "never_began", "rate_limited"),
        (401, b"", "never_began", "not_authorized"),
        (403, b"", "never_began", "not_authorized"),
        (400, b"", "never_began", "refused"),
        (500, b"<html><body>nginx</body></html>", "unknown", "proxy_error"),
        (502, b"<html>", "unknown", "proxy_error"),
        (504, b"<html><body>504 Gateway Time-out</body></html>", "unknown", "proxy_error"),
        (200, b"<!DOCTYPE html><html>login</html>", "unknown", "unexpected_answer"),
        (504, stream(line("begin"), line("item", "not an answer")), "unknown", "proxy_error"),
    ],
)
def test_without_text(status: int, body: bytes, way: str, code: str | None) -> None:
    events = events_of(body, status=status)
    assert messages(events) == []
    assert ending(events).way == way
    assert code is None or ending(events).code == code


def test_response_nodes() -> None:
    events = events_of(b'{"executionStarted":true,"executionId":"58","resumeToken":"6a2a4d01"}')
    assert events == [Ended("silent", "started", "58", Secret("6a2a4d01"))]
    assert "6a2a4d01" not in repr(events)


def test_an_agent() -> None:
    body = stream(line("begin"), line("item", "w0 "), line("item", "w1 "), line("end"))
    assert messages(events_of(body)) == [("w0 w1 ", True)]


def test_a_failing_tool_makes_two_messages_and_loses_no_text() -> None:
    body = stream(
        *(line("begin"), line("item", "Let me "), line("item", " look. "), line("end")),
        line("error", "ReferenceError", node="Lookup"),
        *(line("begin"), line("item", "w0 "), line("item", "w1"), line("end")),
    )
    events = events_of(body)
    assert messages(events) == [("Let me  look. ", True), ("w0 w1", True)]
    assert ending(events)[:2] == ("text", "answered")


def test_three_nodes_that_answer_interleaved() -> None:
    body = stream(
        *(line("begin", node="a"), line("begin", node="b"), line("item", "A", node="a"), line("item", "B", node="b")),
        *(line("begin", node="c"), line("item", "a", node="a"), line("item", "C", node="c"), line("end", node="c")),
        *(line("end", node="b"), line("item", "!", node="a"), line("end", node="a")),
    )
    assert messages(events_of(body)) == [("Aa!", True), ("B", True), ("C", True)]


def test_a_model_that_fails_at_once() -> None:
    events = events_of(stream(line("begin"), line("error", "model down")))
    assert messages(events) == []
    assert ending(events)[:2] == ("failed", "workflow_failed")
    assert "model down" not in repr(events)


def test_a_model_that_fails_in_the_middle() -> None:
    events = events_of(stream(line("begin"), line("item", "half"), line("error", "it broke")))
    assert messages(events) == [("half", False)]
    assert ending(events).way == "text"


def test_stop_and_error() -> None:
    events = events_of(stream(line("error", node="Stop and Error")))
    assert ending(events)[:2] == ("failed", "workflow_failed")


def test_an_execution_that_is_stopped() -> None:
    events = events_of(
        stream(line("begin"), line("item", "half"), line("error", "Original error: AbortError")), lost=True
    )
    assert any(getattr(event, "stopped", False) for event in events)
    assert messages(events) == [("half", False)]


def test_items_without_begin_or_end() -> None:
    assert messages(events_of(stream(line("item", "a "), line("item", "b")))) == [("a b", True)]


def test_lines_without_metadata_keepalive_unknown_types_and_blank_lines() -> None:
    body = stream(
        *(b"", {"type": "ping"}, {"type": "keepalive"}, {"type": "begin"}, {"type": "item", "content": "a"}, b""),
        *({"type": "later"}, {"type": "keepalive"}, {"type": "item", "content": "b"}, {"type": "item", "content": 7}),
        {"type": "end"},
    )
    assert messages(events_of(body)) == [("ab", True)]


def test_lines_that_are_no_json_are_text_and_broken_ones_are_not() -> None:
    body = stream(line("begin"), line("item", "a"), b'{"type":"it', b"plain", line("end"))
    assert messages(events_of(body)) == [("a", True), ("plain\n", True)]


def test_a_page_in_the_middle_is_a_proxys() -> None:
    events = events_of(stream(line("begin"), line("item", "half"), b"<html><body>timeout"))
    assert messages(events) == [("half", False)]
    assert ending(events)[:2] == ("unknown", "proxy_error")


def test_a_lost_connection() -> None:
    events = events_of(stream(line("begin"), line("item", "half")) + b'{"type":"item","con', lost=True)
    assert messages(events) == [("half", False)]
    assert ending(events)[:2] == ("unknown", "connection_lost")


def test_a_segment_that_ended_before_the_connection_was_lost_is_complete() -> None:
    events = events_of(stream(line("begin"), line("item", "all"), line("end")), lost=True)
    assert messages(events) == [("all", True)]
    assert ending(events).way == "unknown"
