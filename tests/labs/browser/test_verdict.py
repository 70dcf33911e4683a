"""The verdict of the browser lab finds what it is there to find."""

from __future__ import annotations

from typing import Any

import pytest

from .verdict import Shown, violations


def message(seq: int, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "version": seq, "message_id": f"m{seq}", "content": f"c{seq}", **more}


LOG = [message(1), message(2)]
GOOD = [message(1, key="a", delivery="sent"), message(2, key="b", delivery="sent")]


def test_a_page_that_shows_the_log_is_right() -> None:
    assert violations(LOG, [Shown("a", GOOD)], ["c1", "c2"]) == []


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Shown("a", GOOD[:1]), "1 messages, not 2"),
        (Shown("a", [*GOOD, message(3, delivery="pending")]), "3 messages, not 2"),
        (Shown("a", GOOD[::-1]), "message 1 is"),
        (Shown("a", [GOOD[0], message(2, content="other", delivery="sent")]), "message 2 is"),
        (Shown("a", [GOOD[0], message(2, delivery="failed")]), "failed"),
        (Shown("a", GOOD, repeats=["m1", "m1"]), "showed m1 twice"),
        (Shown("a", GOOD, disorder=[2]), "entry 2 out of order"),
        (Shown("a", GOOD, errors=["TypeError"]), "TypeError"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(shown: Shown, said: str) -> None:
    (found,) = violations(LOG, [Shown("b", GOOD), shown], [])
    assert said in found


def test_a_message_that_is_lost_or_stored_twice_is_found() -> None:
    assert len(violations(LOG, [], ["c1", "c3"])) == 1
    assert len(violations([*LOG, message(3, content="c1")], [], ["c1"])) == 1
