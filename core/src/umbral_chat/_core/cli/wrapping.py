"""Lines that wrap here and not at the terminal, so that what others wrote never begins in column 0.

A terminal goes on in column 0 wherever its width ends: a text that is padded to that width could begin a line there
that looks like one of ours. So each line is cut to the width before it is printed, and what follows stands behind an
indent.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from rich.text import Text

TAB = " " * 4

LEAST = 8
"""Cells for text in a line, however narrow the terminal is."""


@lru_cache(maxsize=4096)
def cells(char: str) -> int:
    """How many columns a character takes at most: two where a terminal may show it wide, none where it stands on the
    one before."""
    width = east_asian_width(char)
    if width in "WF" or (width == "A" and _ambiguous_is_wide()):
        return 2
    if char == "\ufe0f":
        return 1  # makes the character before it a wide one
    return 0 if category(char) in {"Mn", "Me", "Cf"} else 1


@lru_cache(maxsize=1)
def _ambiguous_is_wide() -> bool:
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next((name for name in names if name), "").startswith(("ja", "ko", "zh"))


def hanging(line: Text, width: int, indent: int) -> list[Text]:
    """`line` as lines of fewer than `width` cells; all but the first begin with `indent` spaces. Line breaks in it
    begin such a line, too."""
    indent = min(indent, max(0, width - 1 - LEAST))
    lines: list[Text] = []
    for piece in line.split("\n", allow_blank=True) or [line]:
        rest: Text | None = piece
        while rest is not None:
            lead = indent if lines else 0
            place = _place(rest.plain, max(LEAST, width - 1 - lead))
            head, rest = (rest, None) if place is None else (rest[:place], rest[place:])
            head.no_wrap = True
            lines.append(_behind(head, lead))
    return lines


def _behind(line: Text, indent: int) -> Text:
    from rich.text import Text

    return Text.assemble(" " * indent, line) if indent else line


def _place(text: str, width: int) -> int | None:
    """Where to cut, so that what is before it fits: after a space, if one is in the second half; None: all fits."""
    taken = 0
    for place, char in enumerate(text):
        taken += cells(char)
        if taken > width:
            space = text.rfind(" ", place // 2, place)
            return space + 1 if space > 0 else max(place, 1)
    return None


__all__ = ["TAB", "cells", "hanging"]
