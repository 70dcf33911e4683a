"""Lines are wrapped here and not by the terminal, so that text of others never begins in column 0.

A terminal continues a long line in column 0: a text that is padded to the terminal's width could begin a line there
that looks like one of ours. So each line is cut to the width before it is printed, and its continuation is indented.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from rich.text import Text

TAB = " " * 4

MIN_WIDTH = 8
"""Least number of cells for text in a line, however narrow the terminal is."""


@lru_cache(maxsize=4096)
def cells(char: str) -> int:
    """How many columns a character takes at most: two where a terminal may show it wide, none where it combines with
    the one before."""
    width = east_asian_width(char)
    if width in "WF" or (width == "A" and _ambiguous_is_wide()):
        return 2
    if char == "\ufe0f":
        return 1  # variation selector 16: makes the character before it wide
    return 0 if category(char) in {"Mn", "Me", "Cf"} else 1


@lru_cache(maxsize=1)
def _ambiguous_is_wide() -> bool:
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next((name for name in names if name), "").startswith(("ja", "ko", "zh"))


def wrap_hanging(line: Text, width: int, indent: int) -> list[Text]:
    """`line` as lines of fewer than `width` cells with a hanging indent: all but the first begin with `indent` spaces.
    A line break in it begins an indented line, too."""
    indent = min(indent, max(0, width - 1 - MIN_WIDTH))
    lines: list[Text] = []
    for piece in line.split("\n", allow_blank=True) or [line]:
        rest: Text | None = piece
        while rest is not None:
            lead = indent if lines else 0
            cut = _cut_position(rest.plain, max(MIN_WIDTH, width - 1 - lead))
            head, rest = (rest, None) if cut is None else (rest[:cut], rest[cut:])
            head.no_wrap = True
            lines.append(_indented(head, lead))
    return lines


def _indented(line: Text, indent: int) -> Text:
    from rich.text import Text

    return Text.assemble(" " * indent, line) if indent else line


def _cut_position(text: str, width: int) -> int | None:
    """Where to cut so that the part before it fits: after a space, if there is one in its second half. None if all
    fits."""
    taken = 0
    for index, char in enumerate(text):
        taken += cells(char)
        if taken > width:
            space = text.rfind(" ", index // 2, index)
            return space + 1 if space > 0 else max(index, 1)
    return None


__all__ = ["TAB", "cells", "wrap_hanging"]
