"""Facts in, violations out: what a page showed against what the service has. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """What one page showed: its last messages, and what was noticed in any of its states."""

    page: str
    messages: Sequence[Message]
    repeats: Sequence[str] = ()
    disorder: Sequence[int] = ()
    errors: Sequence[str] = field(default_factory=tuple)
    """Errors that no program of the page caught."""


def violations(log: Sequence[Message], pages: Sequence[Shown], sent: Sequence[str]) -> list[str]:
    """What is wrong. `log` is the folded history, `sent` the contents that pages and programs sent, each once."""
    found = []
    stored = Counter(str(message["content"]) for message in log)
    for content, times in Counter(sent).items():
        if stored[content] != times:
            found.append(f"{content!r} was sent {times} times, and is stored {stored[content]} times")
    expected = [_compared(message) for message in log]
    for page in pages:
        shown = [_compared(message) for message in page.messages]
        if shown != expected:
            found.append(f"{page.page} shows something else than the log: {_difference(expected, shown)}")
        found += [f"{page.page} showed {one} twice" for one in sorted(set(page.repeats))]
        found += [f"{page.page} showed entry {seq} out of order" for seq in sorted(set(page.disorder))]
        found += [f"{page.page}: {error}" for error in page.errors]
    return found


def _compared(message: Message) -> tuple[Any, ...]:
    fields = ("seq", "version", "message_id", "content", "reply_to", "finish")
    return (*(message.get(name) for name in fields), bool(message.get("redacted")), message.get("delivery", "sent"))


def _difference(expected: Sequence[tuple[Any, ...]], shown: Sequence[tuple[Any, ...]]) -> str:
    for number, (one, other) in enumerate(zip(expected, shown, strict=False)):
        if one != other:
            return f"message {number + 1} is {other}, not {one}"
    return f"{len(shown)} messages, not {len(expected)}"


__all__ = ["Shown", "violations"]
