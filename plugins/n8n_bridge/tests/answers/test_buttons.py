"""Messages with buttons, as n8n 2.41 sends them, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_n8n_bridge.answers.buttons import (
    BUTTONS,
    INPUT_BLOCKED,
    SaidMessage,
    may_have_buttons,
    said_message,
    widget_text,
)

LINK = "http://127.0.0.1:5700/webhook-waiting/58/Approve?approved=true&signature=c718"


def message(**changes: Any) -> str:
    button = {"text": "Approve", "link": LINK, "type": "primary"}
    found = {"type": "with-buttons", "text": "Hi Ada, approve?", "blockUserInput": True, "buttons": [button], **changes}
    return json.dumps(found, separators=(",", ":"))


def test_the_captured_one_is_a_text_with_buttons() -> None:
    said = said_message(message())
    assert said.content == "Hi Ada, approve?"
    assert said.metadata == {BUTTONS: [{"text": "Approve", "link": LINK, "type": "primary"}], INPUT_BLOCKED: True}
    assert said.blocked
    assert not said_message(message(blockUserInput=False)).blocked


@pytest.mark.parametrize(
    "changes",
    [
        {"buttons": []},
        {"buttons": [{"text": "Approve", "link": LINK}] * 6},
        {"buttons": [{"text": "Approve", "link": "javascript:alert(1)"}]},
        {"buttons": [{"text": "Approve", "link": "//elsewhere/x"}]},
        {"buttons": [{"text": "Approve", "link": "http://[::1/x"}]},
        {"buttons": [{"text": "Approve", "link": f"{LINK}\n"}]},
        {"buttons": [{"text": "Approve", "link": LINK + "x" * 1000}]},
        {"buttons": [{"text": "A\0", "link": LINK}]},
        {"buttons": [{"text": " ", "link": LINK}]},
        {"buttons": [{"text": "A" * 201, "link": LINK}]},
        {"buttons": [{"text": "Approve", "link": LINK, "type": "onmouseover=x"}]},
        {"buttons": "x"},
        {"text": " "},
        {"text": None},
    ],
)
def test_what_a_browser_must_not_be_shown_as_a_button_is_plain_text(changes: dict[str, Any]) -> None:
    text = message(**changes)
    assert said_message(text) == SaidMessage(text)


def test_the_widget_gets_it_as_n8n_sent_it() -> None:
    said = said_message(message())
    assert widget_text(said.content, said.metadata) == message()
    assert widget_text("hi", {"page": "/"}) == "hi"


@given(text=st.text())
def test_any_other_text_is_itself(text: str) -> None:
    assert said_message(text) == SaidMessage(text)


@given(cut=st.integers(1, 400), spaces=st.booleans())
def test_it_is_not_shown_while_it_grows(cut: int, spaces: bool) -> None:
    text = json.dumps(json.loads(message()), indent=1 if spaces else None)[:cut]
    assert may_have_buttons(text)


@pytest.mark.parametrize("text", ["Hello", '{"type":"other"', "{}", "[1]", ""])
def test_what_begins_otherwise_is_shown_while_it_grows(text: str) -> None:
    assert not may_have_buttons(text)
