"""The verdict on an answer: every broken promise is seen, and a kept one is none."""

from __future__ import annotations

from typing import Any

import pytest

from .verdict import Answer, violations

WHOLE = "The answer is forty-two."
REST: dict[str, Any] = {"kind": "edit", "content": WHOLE}


def message(content: str, finish: str | None = None) -> dict[str, Any]:
    return {"kind": "message", "content": content} | ({"finish": finish} if finish else {})


def answer(way: str, entries: list[dict[str, Any]], **given: Any) -> Answer:
    facts: dict[str, Any] = {
        "acknowledged": [(1.0, 3), (2.0, 8), (9.5, 15)],
        "killed_at": 10.0,
        "read": ["The", "The answ"],
        "ended_at": 13.0,
        "final_status": None if way == "gives up" else 201,
    }
    return Answer(WHOLE, way, entries=entries, **(facts | given))


@pytest.mark.parametrize(
    "kept",
    [
        answer("gives up", [message("The answ", "interrupted")]),
        answer("gives up", [], acknowledged=[]),
        answer("continues", [message(WHOLE)]),
        answer("late", [message("The answer is f", "interrupted"), REST], final_status=200),
    ],
)
def test_what_was_promised_is_no_violation(kept: Answer) -> None:
    assert violations(kept, patience=5, silence=2) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (answer("gives up", []), "0 times"),
        (answer("gives up", [message("The answ", "interrupted")] * 2), "2 times"),
        (answer("gives up", [message("The", "interrupted")]), "5 saved characters"),
        (answer("gives up", [message("The answ")]), "did not end as interrupted"),
        (answer("gives up", [message("Another", "interrupted")]), "another text"),
        (answer("gives up", [message("The answ", "interrupted")], ended_at=None), "waiting"),
        (answer("gives up", [message("The answ", "interrupted")], ended_at=16.0), "waiting"),
        (answer("gives up", [message("The answ", "interrupted")], read=["Thx"]), "shown another text"),
        (answer("gives up", [message("The answ", "interrupted")], surprises=["500"]), "500"),
        (answer("continues", [message("The answ", "interrupted")], final_status=409), "409"),
        (answer("continues", [message("The answ")]), "whole text"),
        (
            answer("continues", [message("The answ", "interrupted"), REST], final_status=200, resumed_at=10.5),
            "went on",
        ),
        (answer("late", [message("The answ", "interrupted")], final_status=200), "whole text"),
    ],
)
def test_what_was_broken_is_said(broken: Answer, said: str) -> None:
    assert said in " | ".join(violations(broken, patience=5, silence=2))
