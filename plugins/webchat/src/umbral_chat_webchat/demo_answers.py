"""What the demo's assistant says. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

QUOTED = 160
"""Characters of the visitor's message that an answer repeats."""


class Answer(NamedTuple):
    """An answer, and what the assistant does before it writes."""

    text: str
    tool: str | None = None
    """Shown as the run's progress."""


class Visitor(NamedTuple):
    """One of the demo's visitors."""

    id: str
    name: str
    conversation: str
    title: str
    greeting: str


VISITORS = (
    Visitor(
        "ada",
        "Ada",
        "demo:ada",
        "Ada: order 1042",
        "Hello Ada! I am the demo's assistant. Ask me where your **order** is, or ask for a **person**.",
    ),
    Visitor(
        "ben",
        "Ben",
        "demo:ben",
        "Ben: a question",
        "Hello Ben! Write something, and watch it arrive in the inbox.",
    ),
)

_ORDER = Answer(
    "Found it. **Order 1042**:\n\n"
    "- packed this morning\n"
    "- with the carrier since 11:40\n"
    "- expected *tomorrow, before noon*\n\n"
    "Anything else? You can also ask for a person: whoever works in the inbox takes over, and I stay silent until the "
    "conversation is given back.",
    tool="Looking up order 1042",
)

_PERSON = Answer(
    "Of course. In the inbox, **Take over** gives this conversation to a person. I do not answer any more until it is "
    "given back; everything that was written so far is there to read.",
    tool="Looking for a colleague",
)

_CURL = Answer(
    "Yes: whatever can send an HTTP request can write here, and every window shows it at once. The line below the "
    "windows does it with `curl`:\n\n"
    '```sh\ncurl …/v1/conversations/demo:ada/messages -d \'{"content": "Your parcel has left."}\'\n```\n\n'
    "In n8n it is one HTTP Request node."
)

_DRAFTS = (
    "I am only a demo and understand little, but this answer is real: it is written piece by piece into a *draft*, "
    "every window shows it while it grows, and its end is an entry of the log. Reload the page in the middle of it: "
    "nothing is lost."
)

_LOG = (
    "Every message has a number in the log, and is on the disk before its sender is answered. Stop the service and "
    "start it again: this page reconnects and goes on where it was."
)

_OUTBOX = (
    "Try another window: open this page twice, or switch your network off while you write. A message that could not be "
    "sent waits, and is sent once."
)

_OTHER = (_DRAFTS, _LOG, _OUTBOX)

_TOPICS = (
    (re.compile(r"\b(order|parcel|delivery|bestellung|paket|lieferung)", re.IGNORECASE), _ORDER),
    (re.compile(r"\b(person|human|agent|operator|colleague|mensch|mitarbeiter)", re.IGNORECASE), _PERSON),
    (re.compile(r"\b(curl|n8n|api|webhook)\b", re.IGNORECASE), _CURL),
)


def answer_to(content: str, seq: int) -> Answer:
    """The answer to a visitor's message, which is entry `seq`."""
    for pattern, answer in _TOPICS:
        if pattern.search(content):
            return answer
    line = " ".join(content.split())
    quoted = line[:QUOTED] + ("…" if len(line) > QUOTED else "")
    return Answer(f"> {quoted}\n\n{_OTHER[seq % len(_OTHER)]}" if quoted else _OTHER[seq % len(_OTHER)])


def pieces(text: str, words: int = 2) -> list[str]:
    """The text in pieces of some words each, whose concatenation is the text."""
    found = re.findall(r"\S*\s*", text)
    return ["".join(found[at : at + words]) for at in range(0, len(found), words) if found[at]]


__all__ = ["QUOTED", "VISITORS", "Answer", "Visitor", "answer_to", "pieces"]
