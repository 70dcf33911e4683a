"""Suggestions for a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to `name`, or None when no name is similar."""
    candidates = list(known)
    if name.lower() in candidates:
        return name.lower()
    # 0.6 is difflib's own measure of "similar"; below it the suggestion misleads more often than it helps.
    found = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return found[0] if found else None


def suggestion(name: str, known: Iterable[str], *, what: str = "known here") -> str:
    """The sentence after "unknown …": the nearest name, else all known names, introduced by `what`."""
    candidates = sorted(known)
    if found := nearest(name, candidates):
        return f"did you mean {found}?"
    return f"{what}: {', '.join(candidates) or 'nothing'}."


__all__ = ["nearest", "suggestion"]
