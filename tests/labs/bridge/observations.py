"""What a run saw: what was stored, the logs when all was over, the dead letters, and n8n's journal. Nothing is judged
here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .journal import Call, Execution
from .plan import Chat, Plan


class Stored(NamedTuple):
    """A user's message that the service acknowledged."""

    key: str
    chat: Chat
    conversation: str
    seq: int


class Answer(NamedTuple):
    """An entry that answers a message, or says how its run ended."""

    conversation: str
    seq: int
    for_seq: int
    """The message's."""
    content: str | None
    """None: the log has no message of the run, but how it ended."""
    whole: bool
    """Whether it is a message that is complete."""
    reason: str = ""


def answer_of(conversation: str, entry: dict[str, Any]) -> Answer | None:
    """What an entry of the log says of a message; None: nothing. Raises KeyError or ValueError when it has not the
    contract's form."""
    if entry["kind"] == "run":
        reason = f"{entry['outcome']}: {entry.get('reason', '')}"
        return Answer(conversation, entry["seq"], entry["for_seq"], None, False, reason)
    if entry["kind"] != "message" or entry["sender"]["role"] == "user":
        return None
    # The run is `n8n.EPOCH.SEQ.GENERATION`, and its messages' own ids begin so. One that the service has ended itself,
    # since its instance was killed, has no metadata.
    run_id = (entry.get("metadata") or {}).get("umbral_run") or entry["message_id"]
    for_seq = int(run_id.split(".")[2])
    finish = entry.get("finish")
    return Answer(conversation, entry["seq"], for_seq, entry["content"], finish is None, f"text so far, {finish}")


@dataclass(slots=True)
class Observations:
    """Everything that a verdict needs."""

    stored: list[Stored] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    dead: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """By chat."""
    calls: list[Call] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    ask_for: float = Plan.ask_for
    """Seconds for which the bridge asks n8n how a call ended."""
    surprises: list[str] = field(default_factory=list)


__all__ = ["Answer", "Observations", "Stored", "answer_of"]
