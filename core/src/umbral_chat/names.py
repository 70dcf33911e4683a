"""Display names: one rule for tokens, users, members and senders.

A name is set by whoever vouches for it: the service that issues a token, adds a member or sends as somebody, or a
Supabase project's own server (`app_metadata`). What people set themselves is not taken. And a name is one line of what
can be seen, so that it forges no line of its own, turns none around and looks like no other.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols that show nothing, beside those of the category `Cf` (format)."""

_JOINERS: Final = frozenset("\u200c\u200d")
"""ZWNJ and ZWJ: part of words in Persian, Hindi and others, and of emoji."""

_JOINED_FROM: Final = 0x0590
"""First code point of a script that needs joiners. Between Latin, Greek or Cyrillic letters they only hide."""


def clean_name(name: str) -> str:
    """The name on one line, without what cannot be seen; empty where nothing is left.

    Control characters, line and paragraph separators become spaces, and runs of white space one; format characters
    (bidirectional controls, zero-width and others) go, but for joiners after a script that needs them.
    """
    kept: list[str] = []
    for character in name:
        if character in _JOINERS:
            if kept and ord(kept[-1]) >= _JOINED_FROM:
                kept.append(character)
            continue
        category = unicodedata.category(character)
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
        elif category not in {"Cf", "Cs"} and character not in _INVISIBLE:
            kept.append(character)
    return " ".join("".join(kept).split()).strip("".join(_JOINERS))


__all__ = ["clean_name"]
