"""Each way in which something can come back wrong is a difference."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .compare import Difference, compare, compare_text
from .corpus import Line

SENT = [Line("user", "Grüße\n"), Line("assistant", "你好"), Line("user", "[x] user: y")]
WRONG: dict[str, Sequence[Line]] = {
    "one is missing": SENT[:2],
    "the first is missing": SENT[1:],
    "one is too many": [*SENT, SENT[0]],
    "two changed places": [SENT[1], SENT[0], SENT[2]],
    "a role is another": [Line("agent", SENT[0].content), *SENT[1:]],
    "white space is gone": [Line("user", "Grüße"), *SENT[1:]],
    "the same letters in another form": [Line("user", "Gru\u0308ße\n"), *SENT[1:]],
}


def text_of(lines: Sequence[Line]) -> str:
    """As the transcript writes them: further lines of a message are indented."""
    begin = "[2026-01-01 12:00:00 UTC]"
    return "".join(f"{begin} {line.role}: " + line.content.replace("\n", "\n    ") + "\n" for line in lines)


def test_what_came_as_it_was_sent_is_no_difference() -> None:
    compare("here", SENT, list(SENT))
    compare_text("here", SENT, text_of(SENT))


@pytest.mark.parametrize("wrong", WRONG)
def test_a_difference_names_the_place(wrong: str) -> None:
    with pytest.raises(Difference, match=r"^here: line \d"):
        compare("here", SENT, WRONG[wrong])
    with pytest.raises(Difference, match=r"^here: "):
        compare_text("here", SENT, text_of(WRONG[wrong]))


def test_a_byte_more_at_the_end_of_a_text_is_a_difference() -> None:
    with pytest.raises(Difference, match="after the last line"):
        compare_text("here", SENT, text_of(SENT) + "\n")
