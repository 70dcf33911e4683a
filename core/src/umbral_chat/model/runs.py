"""Runs: executions of an assistant for a conversation, as readers see them, and the bodies that begin and end them.

A run is started, reports its progress, and ends. While it goes on it is in no log: it is shown beside the drafts. A run
that ends without a message leaves an entry of the kind `run`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from umbral_chat.model.entries import SEEN, RunOutcome, Sender
from umbral_chat.model.ids import ID_LIMIT
from umbral_chat.model.requests import Seq

Progress = Literal["thinking", "tool", "writing", "waiting"]
"""What a run reports: it thinks, it calls a tool, it writes its message, or it waits for something outside."""

RunState = Literal["started", "thinking", "tool", "writing", "waiting"]
"""What a run does now: its last progress, or `started` before the first one and after one whose time was over."""

LOST = "lost"
"""Reason of a run that failed because its producer was silent."""

LABEL_LIMIT = 200
"""Longest label of a progress, in characters: one line beside a name."""

TTL_LEAST, TTL_MOST = 1.0, 600.0
"""Bounds of a progress's time to live, in seconds: below, it ends before anybody has seen it; above, a run that no
longer does what it says is better found by its silence."""

METADATA_BYTES = 2_048
"""Largest metadata of a run, in bytes of JSON: the runs of a conversation share a record of the shared store."""


class RunView(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A run that has not ended, as readers of its conversation see it."""

    run_id: str
    state: RunState
    label: Annotated[str | None, Meta(description=f"What exactly it does, such as a tool's name. {SEEN}")] = None
    for_seq: int | None = None
    """The seq of the entry that it is for."""
    message_id: str | None = None
    """The id of the message that it is going to leave."""
    sender: Sender
    """Who answers: the sender of the message that it is going to leave."""
    started_at: datetime
    expires_at: datetime | None = None
    """When `state` ends by itself; then it reads `started` again. None: with the next progress."""
    cancel_requested: bool = False
    """Somebody who may asked that it end. It goes on until its producer ends it."""
    execution_id: Annotated[str | None, Meta(description=f"The producer's own name of the execution. {SEEN}")] = None

    def at(self, now: datetime) -> RunView:
        """The run as it is at `now`: without a progress whose time is over."""
        if self.expires_at is None or now < self.expires_at:
            return self
        return msgspec.structs.replace(self, state="started", label=None, expires_at=None)


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class RunBody(_Body, frozen=True, kw_only=True):
    """A run that begins. All fields are optional."""

    run_id: Annotated[
        str | None, Meta(description="Names the run; generated when left out. With it a repeat starts nothing.")
    ] = None
    for_seq: Annotated[
        Seq | None, Meta(description="Seq of the message that it answers: the sender of that may cancel the run.")
    ] = None
    message_id: Annotated[
        str | None,
        Meta(
            description="Id of the message that it is going to leave, reserved for the caller until the run ends. "
            "Without it the run's message is the one that has `metadata.umbral_run` with the run's id."
        ),
    ] = None
    sender: Annotated[
        Sender | None, Meta(description="Who answers; the role `assistant` without a name when left out.")
    ] = None
    metadata: Annotated[
        dict[str, Any] | None,
        Meta(description=f"At most {METADATA_BYTES} bytes. Shown only in the entry that the run leaves. {SEEN}"),
    ] = None


class ProgressBody(_Body, frozen=True, kw_only=True):
    """What a run does now. It replaces the last progress."""

    state: Annotated[Progress, Meta(description="`thinking`, `tool`, `writing` or `waiting`.")]
    label: Annotated[str | None, Meta(description=f"One line of at most {LABEL_LIMIT} characters. {SEEN}")] = None
    ttl: Annotated[
        float | None,
        Meta(description=f"Seconds until the state ends by itself, {TTL_LEAST:g} to {TTL_MOST:g}. None: it does not."),
    ] = None
    execution_id: Annotated[
        str | None, Meta(description=f"The producer's own name of the execution, at most {ID_LIMIT} characters. {SEEN}")
    ] = None


class RunEndBody(_Body, frozen=True, kw_only=True):
    """How a run ended."""

    outcome: Annotated[RunOutcome, Meta(description="`completed`, `cancelled` or `failed`.")]
    reason: Annotated[str | None, Meta(description=f"A code, or one line of text. {SEEN}")] = None


class CancelBody(_Body, frozen=True, kw_only=True):
    """A request that a run end."""

    reason: Annotated[
        str | None, Meta(description=f"A code, or one line of text: of the run's end, unless that has its own. {SEEN}")
    ] = None


class RunStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a start."""

    run_id: str
    created: bool
    """False: it had been started before."""


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a progress."""

    run_id: str
    cancel_requested: bool
    """True: stop, and end the run as `cancelled`."""
    cancel_reason: str | None = None


class RunEnded(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: the same for whoever ends it so again."""

    run_id: str
    outcome: RunOutcome
    reason: str | None = None
    ended_at: datetime
    seq: int | None = None
    """Seq of the entry that it left; None: it ended with its message."""


__all__ = [
    "LABEL_LIMIT",
    "LOST",
    "METADATA_BYTES",
    "TTL_LEAST",
    "TTL_MOST",
    "CancelBody",
    "Progress",
    "ProgressBody",
    "RunBody",
    "RunEndBody",
    "RunEnded",
    "RunProgress",
    "RunStarted",
    "RunState",
    "RunView",
]
