"""The verdict of the widget lab finds what it is there to find."""

from __future__ import annotations

from typing import Any

import pytest

from .verdict import REMOVED, Shown, violations

LOG: list[dict[str, Any]] = [
    {"content": "hi", "sender": {"role": "user", "name": "Ada"}},
    {"content": "hello", "sender": {"role": "assistant", "name": "Bot"}},
    {"content": "It is me.", "sender": {"role": "agent", "name": "Ben"}},
    {"content": "", "sender": {"role": "user"}, "redacted": True},
]
GOOD = [
    {"side": "user", "text": "hi"},
    {"side": "bot", "text": "hello"},
    {"side": "bot", "text": "Ben\n\nIt is me."},
    {"side": "user", "text": REMOVED},
]
ERROR = {"side": "bot", "text": "Error in workflow"}


def test_a_widget_that_shows_the_log_is_right() -> None:
    assert violations(LOG, [Shown("a", GOOD)]) == []
    assert violations(LOG, [Shown("a", [*GOOD[:2], ERROR, *GOOD[2:]], own=["Error in workflow"])]) == []
    said = ["umbral-chat: something", "another's line"]
    assert violations(LOG, [Shown("a", GOOD, console=said, expected_console=1)]) == []
    assert violations(LOG, [Shown("a", GOOD, repeats=["user: hi"])], repeated=["user: hi"]) == []


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Shown("a", GOOD[:1]), "the log has"),
        (Shown("a", [*GOOD, GOOD[0]]), "the log has"),
        (Shown("a", GOOD[::-1]), "the log has"),
        (Shown("a", GOOD, own=["Error in workflow"]), "any more"),
        (Shown("a", GOOD, repeats=["user: hi"]), "painted 'user: hi' twice"),
        (Shown("a", GOOD, errors=["TypeError"]), "TypeError"),
        (Shown("a", GOOD, console=["umbral-chat: something"]), "1 lines"),
        (Shown("a", GOOD, expected_console=1), "0 lines"),
    ],
)
def test_what_is_wrong_is_found(shown: Shown, said: str) -> None:
    (found,) = violations(LOG, [shown])
    assert said in found
