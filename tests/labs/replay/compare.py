"""Comparing what was read back with what was sent: complete, in order, unchanged; the first difference is an error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from .corpus import Line

_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# How the text transcript begins a message: `[2026-01-01 12:00:00 UTC] user: `.
_BEGIN = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\] %s: "


class Difference(Exception):
    """What was read back is not what was sent."""


def compare(where: str, sent: Sequence[Line], got: Sequence[Line]) -> None:
    """Raise Difference at the first line of `got` that is not the line that was sent there."""
    for number, (expected, line) in enumerate(zip_longest(sent, got), start=1):
        if expected != line:
            raise Difference(
                f"{where}: line {number} of {len(sent)} was sent as {_show(expected)}, came as {_show(line)}"
            )


def compare_text(where: str, sent: Sequence[Line], text: str) -> None:
    """The same for a transcript as text, where every byte must belong to a sent line or to its beginning."""
    position = 0
    for number, line in enumerate(sent, start=1):
        begin = re.compile(_BEGIN % re.escape(line.role)).match(text, position)
        # Further lines are indented, whichever character ended the line before.
        end = "\n    ".join(_BREAK.split(line.content)) + "\n"
        if begin is None or not text.startswith(end, begin.end()):
            there = text[position : position + 200]
            raise Difference(f"{where}: line {number} of {len(sent)} was sent as {_show(line)}, there is {there!r}")
        position = begin.end() + len(end)
    if position != len(text):
        raise Difference(f"{where}: after the last line there is {text[position : position + 200]!r}")


def _show(line: Line | None) -> str:
    return "nothing" if line is None else f"{line.role} {line.content[:200]!r} ({len(line.content)} characters)"


__all__ = ["Difference", "compare", "compare_text"]
