"""Facts in, violations out: what a widget showed against what the log has. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

REMOVED = "This message was removed."
"""What the companion shows of a redacted message."""

CONSOLE = "umbral-chat: "
"""The companion's lines in the console begin so."""


@dataclass(frozen=True)
class Shown:
    """What one page showed."""

    page: str
    bubbles: Sequence[Mapping[str, str]]
    """In order, each with `side` and `text`."""
    own: Sequence[str] = ()
    """Texts that only the widget has, and that stay."""
    repeats: Sequence[str] = ()
    """Bubbles that were painted twice in one frame."""
    errors: Sequence[str] = field(default_factory=tuple)
    """Errors that no program of the page caught."""
    console: Sequence[str] = ()
    expected_console: int = 0


def violations(log: Sequence[Mapping[str, Any]], pages: Sequence[Shown], repeated: Sequence[str] = ()) -> list[str]:
    """What is wrong. `log` is the folded history; `repeated` are bubbles that were sent more than once."""
    found = []
    expected = [as_shown(message) for message in log]
    for page in pages:
        shown = [(bubble["side"], bubble["text"]) for bubble in page.bubbles if bubble["text"] not in page.own]
        if shown != expected:
            found.append(f"{page.page} shows {shown}, and the log has {expected}")
        kept = [bubble["text"] for bubble in page.bubbles]
        found += [f"{page.page} does not show {text!r} any more" for text in page.own if text not in kept]
        found += [f"{page.page} painted {one!r} twice" for one in page.repeats if one not in repeated]
        found += [f"{page.page}: {error}" for error in page.errors]
        lines = [line for line in page.console if line.startswith(CONSOLE)]
        if len(lines) != page.expected_console:
            found.append(f"{page.page} has {len(lines)} lines of the companion in its console: {lines}")
    return found


def as_shown(message: Mapping[str, Any]) -> tuple[str, str]:
    """Side and text of a message, as the widget renders it: a human's with the name before it."""
    sender = message["sender"]
    side = "user" if sender["role"] == "user" else "bot"
    if message.get("redacted"):
        return side, REMOVED
    name = sender.get("name") if sender["role"] == "agent" else None
    text = str(message["content"]).strip()
    return side, f"{name}\n\n{text}" if name else text


__all__ = ["REMOVED", "Shown", "as_shown", "violations"]
