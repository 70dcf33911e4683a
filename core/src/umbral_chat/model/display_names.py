"""Display names: one rule for tokens, users, members and senders.

A name is set by a party that vouches for it: the service that issues a token, adds a member or sends in its name, or a
Supabase project's own server (`app_metadata`). Names that people set themselves are not used. A name is one line of
visible characters, so that it cannot fake a line, reverse one, or look like another name with invisible characters.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0") | frozenset(
    map(chr, range(0xFFF0, 0xFFF9))
)
"""Invisible characters besides those of the category `Cf` (format): Unicode's default-ignorable ones, and the blank
Braille pattern."""

_SELECTORS: Final = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Variation selectors, which select a form of the emoji, symbol or ideograph before them."""

_SELECTED_FROM: Final = 0x2000
"""First code point after which a selector is kept. After a letter of an alphabet it would be invisible."""

_MONGOLIAN_SELECTORS: Final = frozenset("\u180b\u180c\u180d\u180f")
"""Variation selectors of the Mongolian script alone."""

_JOINERS: Final = frozenset("\u200c\u200d")
"""ZWNJ and ZWJ: part of words in Persian, Hindi and other languages, and of emoji."""

_JOINED_FROM: Final = 0x0590
"""First code point of a script that needs joiners. Between Latin, Greek or Cyrillic letters they are invisible."""


def clean_name(name: str) -> str:
    """The name on one line, without invisible characters; empty if nothing is left.

    Control characters, line and paragraph separators become spaces, and runs of white space one; format characters
    (bidirectional controls, zero-width and others) are removed, except joiners and variation selectors after characters
    that are written with them. A name of combining marks alone counts as empty.
    """
    kept: list[str] = []
    for character in name:
        if character in _JOINERS:
            if kept and ord(kept[-1]) >= _JOINED_FROM:
                kept.append(character)
            continue
        if character in _SELECTORS or character in _MONGOLIAN_SELECTORS:
            if kept and _is_selected(kept[-1], character):
                kept.append(character)
            continue
        category = unicodedata.category(character)
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
        elif category not in {"Cf", "Cs"} and character not in _INVISIBLE:
            kept.append(character)
    name = " ".join("".join(kept).split()).strip("".join(_JOINERS))
    return name if any(not unicodedata.category(character).startswith(("M", "Z")) for character in name) else ""


def _is_selected(before: str, selector: str) -> bool:
    if selector in _MONGOLIAN_SELECTORS:
        return "\u1820" <= before <= "\u18af"
    # Keycaps: a digit, # or *, the selector, and the cap that follows.
    return before in "0123456789#*" or (ord(before) >= _SELECTED_FROM and before not in _SELECTORS)


__all__ = ["clean_name"]
