"""The verdict of the lab of the pages finds what it is there to find."""

from __future__ import annotations

from typing import Any

import pytest

from .verdict import Noticed, Shown, foreign, intrusions, shifted, violations


def stored(number: int, **more: Any) -> dict[str, Any]:
    return {"content": f"c {number}", **more}


def seen(number: int, **more: Any) -> dict[str, Any]:
    return {"delivery": "sent", "text": f"c {number}", **more}


LOG = [stored(1), stored(2), stored(3, content="", redacted=True)]
GOOD = [seen(1, text="c  1\n"), seen(2), seen(3, text="removed", redacted=True)]


def test_a_screen_that_shows_the_log_is_right() -> None:
    assert violations(LOG, [Shown("a", GOOD)], ["c 1", "c 2"]) == []
    assert violations(LOG, [Shown("a", [*GOOD, seen(9, note=True)])], []) == []


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Shown("a", GOOD[:1]), "1 messages, not 3"),
        (Shown("a", [*GOOD, seen(4)]), "4 messages, not 3"),
        (Shown("a", GOOD[::-1]), "message 1 is"),
        (Shown("a", [GOOD[0], seen(2, text="other"), GOOD[2]]), "message 2 is"),
        (Shown("a", [GOOD[0], seen(2, delivery="pending"), GOOD[2]]), "(pending)"),
        (Shown("a", [*GOOD[:2], seen(3, text="secret")]), "message 3 is"),
        (Shown("a", GOOD, errors=["TypeError"]), "TypeError"),
    ],
)
def test_what_is_wrong_with_a_screen_is_found(shown: Shown, said: str) -> None:
    (found,) = violations(LOG, [Shown("b", GOOD), shown], [])
    assert said in found


def test_a_message_that_is_lost_or_stored_twice_is_found() -> None:
    assert len(violations(LOG, [], ["c 1", "c 7"])) == 1
    assert len(violations([*LOG, stored(4, content="c 1")], [], ["c 1"])) == 1


@pytest.mark.parametrize(
    "noticed",
    [
        Noticed("a", ran=["alert(1)"]),
        Noticed("a", foreign=["http://evil.example/"]),
        Noticed("a", unsafe=["img onerror"]),
        Noticed("a", navigated=["javascript:alert(1)"]),
        Noticed("a", refused=[{"directive": "script-src-attr", "blocked": "inline", "sample": "alert(1)"}]),
    ],
)
def test_an_intrusion_of_each_kind_is_found(noticed: Noticed) -> None:
    assert len(list(intrusions(noticed))) == 1
    assert not list(intrusions(Noticed("a")))


def test_a_shift_is_found_unless_the_person_caused_it() -> None:
    shift = {"value": 0.01, "recent": False, "at": 5, "moved": ["div 0,0 1×1 → 0,9 1×1"]}
    assert "0.0100" in next(shifted("a", [shift]))
    assert not list(shifted("a", [{**shift, "recent": True}]))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8750/web/x.js", False),
        ("ws://127.0.0.1:8750/v1/ws", False),
        ("data:image/png;base64,AA", False),
        ("http://127.0.0.1:8751/", True),
        ("https://127.0.0.1:8750/", True),
        ("http://evil.example/", True),
        ("javascript:alert(1)", True),
    ],
)
def test_what_is_of_another_origin(url: str, expected: bool) -> None:
    assert foreign(url, "http://127.0.0.1:8750") is expected
