"""Facts in, violations out: what is on the screens against what the log has. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Message = Mapping[str, Any]

SHIFT = 0.0
"""The most that a page's layout may shift, of what the person did not do: nothing at all."""

ON_A_FREE_MACHINE, ON_A_LOADED_ONE = 200.0, 1500.0
"""Milliseconds from a key pressed on one page to the frame that shows the message on another: what is promised, and
what is judged where other programs take the processors."""


@dataclass(frozen=True)
class Shown:
    """What is on one page's screen."""

    page: str
    messages: Sequence[Message]
    """Each with `delivery`, `note`, `redacted` and `text`, in the order of the screen."""
    errors: Sequence[str] = field(default_factory=tuple)
    """Errors that no program of the page caught."""


@dataclass(frozen=True)
class Noticed:
    """What a page tried that it must not."""

    page: str
    ran: Sequence[str] = ()
    """Calls that only an attacker's code makes."""
    foreign: Sequence[str] = ()
    """Addresses of other origins that were asked for."""
    refused: Sequence[Mapping[str, str]] = ()
    """What the content security policy refused: `directive`, `blocked`, `sample`."""
    unsafe: Sequence[str] = ()
    """Elements and attributes that no message may have."""
    navigated: Sequence[str] = ()


def violations(log: Sequence[Message], pages: Sequence[Shown], sent: Sequence[str]) -> list[str]:
    """What is wrong. `log` is the folded history, `sent` the contents that pages and programs sent, each once. Notes
    are not in that log; which page may show them is not judged here."""
    found = []
    stored = Counter(str(message["content"]) for message in log)
    for content, times in Counter(sent).items():
        if stored[content] != times:
            found.append(f"{content!r} was sent {times} times, and is stored {stored[content]} times")
    expected = [_expected(message) for message in log]
    for page in pages:
        shown = [_seen(message) for message in page.messages if not message.get("note")]
        if shown != expected:
            found.append(f"{page.page} shows something else than the log: {_difference(expected, shown)}")
        found += [f"{page.page}: {error}" for error in page.errors]
    return found


def intrusions(noticed: Noticed) -> Iterator[str]:
    """What an attacker's text came to do: that it ran, that it reached another origin, that it became an element."""
    for kind, texts in (
        ("ran", noticed.ran),
        ("asked another origin", noticed.foreign),
        ("has in a message", noticed.unsafe),
        ("left for", noticed.navigated),
    ):
        for text, times in Counter(texts).items():
            yield f"{noticed.page} {kind}: {text[:200]} ({times} times)"
    for (directive, blocked), times in Counter((one["directive"], one["blocked"]) for one in noticed.refused).items():
        yield f"{noticed.page} was kept by its policy alone from {directive} of {blocked[:100]} ({times} times)"


def shifted(page: str, shifts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The layout shifts of a page, each with what moved. Those in the half second after a key or a tap are the person's
    own, and are left out, as in the definition of the cumulative layout shift; so are those of what is around the
    conversation, such as a list of others that is sorted by their last activity."""
    own = [one for one in shifts if not one.get("recent") and one.get("view", True)]
    if sum(one["value"] for one in own) > SHIFT:
        total = sum(one["value"] for one in own)
        moved = "; ".join(f"{one['value']:.4f} at {one['at']} ms: {', '.join(one['moved'])}" for one in own[:4])
        yield f"{page}: its layout shifted by {total:.4f} in {len(own)} shifts: {moved}"


def foreign(url: str, own: str) -> bool:
    """Whether an address is of another origin than the service's; `data:`, `blob:` and `about:` are nobody's."""
    parts, ours = urlsplit(url), urlsplit(own)
    if parts.scheme in {"data", "blob", "about"}:
        return False
    return parts.netloc != ours.netloc or parts.scheme not in {"http", "ws"}


def _expected(message: Message) -> tuple[Any, ...]:
    redacted = bool(message.get("redacted"))
    return redacted, "" if redacted else _plain(str(message["content"]))


def _seen(message: Message) -> tuple[Any, ...]:
    delivery, redacted = message.get("delivery"), bool(message.get("redacted"))
    if delivery != "sent":
        return redacted, f"({delivery}) {message['text']}"
    return redacted, "" if redacted else _plain(str(message["text"]))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _difference(expected: Sequence[tuple[Any, ...]], shown: Sequence[tuple[Any, ...]]) -> str:
    for number, (one, other) in enumerate(zip(expected, shown, strict=False)):
        if one != other:
            return f"message {number + 1} is {other}, not {one}"
    return f"{len(shown)} messages, not {len(expected)}"


__all__ = [
    "ON_A_FREE_MACHINE",
    "ON_A_LOADED_ONE",
    "SHIFT",
    "Noticed",
    "Shown",
    "foreign",
    "intrusions",
    "shifted",
    "violations",
]
