"""What happened to one answer, and which promises that breaks. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SAVED_WITHIN = 2.0
"""Seconds: what was acknowledged so long before a kill is saved (each second, and the time that the save takes)."""


@dataclass
class Answer:
    """An answer, as its producer and its readers saw it."""

    whole: str
    way: str
    """What its producer does after the kill: `continues`, `late` (sends it after it was interrupted) or `gives up`."""
    acknowledged: list[tuple[float, int]] = field(default_factory=list)
    """When how many characters were."""
    killed_at: float = 0.0
    resumed_at: float | None = None
    """When its producer sent the first piece after the kill."""
    read: list[str] = field(default_factory=list)
    """Every text of the draft that a reader was shown, in order."""
    ended_at: float | None = None
    """When the reader had an entry and no draft any more; None: it was left waiting."""
    final_status: int | None = None
    """Status of the producer's message."""
    entries: list[dict[str, Any]] = field(default_factory=list)
    """The log at the end."""
    surprises: list[str] = field(default_factory=list)


def violations(answer: Answer, *, patience: float, silence: float) -> list[str]:
    """What is wrong with it. `patience`: seconds after the kill in which it must have ended. `silence`: seconds after
    which a draft is interrupted."""
    found = list(answer.surprises)
    if answer.ended_at is None or answer.ended_at - answer.killed_at > patience:
        found.append("a reader was left waiting")
    strange = [text for text in answer.read if not answer.whole.startswith(text)]
    found += [f"a reader was shown another text: {text[-40:]!r}" for text in strange]
    messages = [entry for entry in answer.entries if entry["kind"] == "message"]
    if len(messages) == 1:
        edits = [entry for entry in answer.entries if entry["kind"] == "edit"]
        found += _about_message(answer, messages[0], edits, silence)
    elif messages or answer.acknowledged or answer.way != "gives up":
        found.append(f"it is {len(messages)} times in the log")
    return found


def _about_message(answer: Answer, message: dict[str, Any], edits: list[dict[str, Any]], silence: float) -> list[str]:
    found = []
    if not answer.whole.startswith(message["content"]):
        found.append("the log has another text")
    cut = message.get("finish") == "interrupted"
    if cut:
        saved = max((length for at, length in answer.acknowledged if at < answer.killed_at - SAVED_WITHIN), default=0)
        if len(message["content"]) < saved:
            found.append(f"{saved - len(message['content'])} saved characters were lost")
    if answer.way == "gives up":
        return found if cut and not edits else [*found, "it did not end as interrupted"]
    if answer.final_status != (200 if cut else 201):
        found.append(f"its message was answered with {answer.final_status}")
    if len(edits) != cut or (edits[0] if edits else message)["content"] != answer.whole:
        found.append("the whole text is not in the log")
    went_on = answer.resumed_at is not None and answer.resumed_at - answer.killed_at < silence / 2
    if cut and went_on:
        found.append("it was interrupted although its producer went on")
    return found


__all__ = ["SAVED_WITHIN", "Answer", "violations"]
