"""The runs of one conversation as its record in the shared store has them, and what may happen to them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from umbral_chat._core.conversations.draft_pieces import not_your_draft
from umbral_chat.errors import Conflict, NotFound, TooManyRequests
from umbral_chat.model.entries import RunOutcome, Sender
from umbral_chat.model.runs import LOST, Progress, RunEnded, RunState, RunView
from umbral_chat.model.signals import Writer

_sorted = msgspec.json.Encoder(order="sorted")
_change = msgspec.structs.replace


class RunResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a run ended. It stays in the record until the log says so, if it has to, so that a crash loses no end."""

    outcome: RunOutcome
    at: datetime
    reason: str | None = None


class StoredRun(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A run with what no reader sees of it."""

    run_id: str
    fingerprint: str
    """A hash of what it was started with: a repeat of the start has the same."""
    sender: Sender
    started_at: datetime
    alive_at: datetime
    """When its producer last gave a sign of life."""
    epoch: str | None = None
    """The log that it began in; None: there was none yet."""
    after: int = 0
    """The head of the log then: its message comes later."""
    for_seq: int | None = None
    message_id: str | None = None
    writer: Writer | None = None
    """Who started it, and for whom it reserves its message id; None: it was started by an older version."""
    metadata: dict[str, Any] | None = None
    state: RunState = "started"
    label: str | None = None
    expires_at: datetime | None = None
    execution_id: str | None = None
    cancel_requested: bool = False
    cancel_reason: str | None = None
    end: RunResult | None = None

    @property
    def view(self) -> RunView:
        """The run as readers see it."""
        return RunView(
            run_id=self.run_id,
            state=self.state,
            label=self.label,
            for_seq=self.for_seq,
            message_id=self.message_id,
            sender=self.sender,
            started_at=self.started_at,
            expires_at=self.expires_at,
            cancel_requested=self.cancel_requested,
            execution_id=self.execution_id,
        )


class RunRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The runs of a conversation that go on, and those whose end is not settled yet. Every method returns a new record,
    or this one where nothing changes."""

    conversation: str = ""
    """Empty where there is no run: nothing shows that there was a conversation, which was deleted."""
    runs: tuple[StoredRun, ...] = ()

    @property
    def views(self) -> tuple[RunView, ...]:
        """The runs that go on, the oldest first."""
        return tuple(run.view for run in self.runs if run.end is None)

    def find(self, run_id: str) -> StoredRun | None:
        """The run, also one whose end is not settled yet."""
        return next((run for run in self.runs if run.run_id == run_id), None)

    def reserved_by(self, message_id: str) -> Writer | None:
        """The author of a run that goes on and is going to leave this message; None: the id is free."""
        going_on = (run for run in self.runs if run.message_id == message_id and run.end is None)
        return next((run.writer for run in going_on if run.writer is not None), None)

    def start(self, conversation: str, run: StoredRun, *, limit: int) -> RunRecord:
        """Add a run; a repeat changes nothing. Raises Conflict (`idempotency_conflict`) for another run with the same
        id, Conflict (`not_your_draft`) for the message id of another author's run, and TooManyRequests
        (`too_many_runs`) past `limit`."""
        known = self.find(run.run_id)
        if known is not None:
            check_same_start(known.fingerprint, run.fingerprint)
            return self
        reserved = None if run.message_id is None else self.reserved_by(run.message_id)
        if reserved not in {None, run.writer}:
            raise not_your_draft()
        if len(self.runs) >= limit:
            raise too_many_runs(f"A conversation has at most {limit} runs at once (core.limits.runs).", limit)
        return RunRecord(conversation, (*self.runs, run))

    def progress(
        self,
        run_id: str,
        state: Progress,
        now: datetime,
        *,
        label: str | None = None,
        ttl: float | None = None,
        execution_id: str | None = None,
    ) -> RunRecord:
        """What the run does now: it replaces the last progress. Raises NotFound (`unknown_run`) and Conflict
        (`run_ended`)."""
        run = self.going_on(run_id)
        return self._put(
            _change(
                run,
                state=state,
                label=label,
                expires_at=None if ttl is None else now + timedelta(seconds=ttl),
                execution_id=run.execution_id if execution_id is None else execution_id,
                alive_at=max(run.alive_at, now),
            )
        )

    def cancel(self, run_id: str, reason: str | None) -> RunRecord:
        """A request that the run end: the first one's reason stays. Raises what `progress` raises."""
        run = self.going_on(run_id)
        if run.cancel_requested:
            return self
        return self._put(_change(run, cancel_requested=True, cancel_reason=reason))

    def touch(self, message_id: str, at: datetime) -> RunRecord:
        """A sign of life of the producer of this message, and so of its runs."""
        record = self
        for run in self.runs:
            if run.message_id == message_id and run.end is None and run.alive_at < at:
                record = record._put(_change(run, alive_at=at))
        return record

    def finish(self, run_id: str, outcome: RunOutcome, reason: str | None, now: datetime) -> RunRecord:
        """The run ends. Ending it again in the same way changes nothing, whatever the reason. Raises NotFound
        (`unknown_run`) and, for another outcome than that of the first end, Conflict (`run_ended`)."""
        run = self.find(run_id)
        if run is None:
            raise unknown_run(run_id)
        if run.end is not None:
            check_same_end(run.end.outcome, outcome, run.end.reason)
            return self
        if reason is None and outcome == "cancelled":
            reason = run.cancel_reason
        return self._put(_change(run, end=RunResult(outcome, now, reason)))

    def lose(self, now: datetime, silence: float) -> tuple[RunRecord, list[str]]:
        """End, as failed and lost, every run that was silent for `silence` seconds; and which these are."""
        due = now - timedelta(seconds=silence)
        silent = [run.run_id for run in self.runs if run.end is None and run.alive_at <= due]
        record = self
        for run_id in silent:
            record = record.finish(run_id, "failed", LOST, now)
        return record, silent

    def without(self, run_id: str) -> RunRecord:
        """The record after the run's end is settled."""
        left = tuple(run for run in self.runs if run.run_id != run_id)
        if len(left) == len(self.runs):
            return self
        return RunRecord(self.conversation, left) if left else RunRecord()

    def going_on(self, run_id: str) -> StoredRun:
        """The run, which has not ended. Raises NotFound (`unknown_run`) and Conflict (`run_ended`)."""
        run = self.find(run_id)
        if run is None:
            raise unknown_run(run_id)
        if run.end is not None:
            raise run_ended(run.end.outcome, run.end.reason)
        return run

    def _put(self, run: StoredRun) -> RunRecord:
        return RunRecord(self.conversation, tuple(run if one.run_id == run.run_id else one for one in self.runs))


class SettledRun(msgspec.Struct, frozen=True):
    """A run whose end is settled, remembered for those who repeat its start or its end."""

    fingerprint: str
    ended: RunEnded


def fingerprint(
    sender: Sender, for_seq: int | None, message_id: str | None, metadata: dict[str, Any] | None, author: str
) -> str:
    """A hash of what a run is started with, and by whom."""
    return blake2b(_sorted.encode([sender, for_seq, message_id, metadata, author]), digest_size=16).hexdigest()


def check_same_start(known: str, repeated: str) -> None:
    """Raise Conflict (`idempotency_conflict`) where a start is no repeat of the one that is known."""
    if known != repeated:
        raise Conflict(
            "There is another run with this run_id in this conversation. Draw a new one for each run, or leave it out.",
            code="idempotency_conflict",
            field="run_id",
        )


def check_same_end(known: RunOutcome, repeated: RunOutcome, reason: str | None) -> None:
    """Raise Conflict (`run_ended`) where an end is no repeat of the one that is known."""
    if known != repeated:
        raise run_ended(known, reason)


def run_ended(outcome: RunOutcome, reason: str | None) -> Conflict:
    """The error for a run that ended already, with how."""
    extra = {"outcome": outcome} | ({} if reason is None else {"reason": reason})
    return Conflict(f"This run has ended: {outcome}{f' ({reason})' if reason else ''}.", code="run_ended", extra=extra)


def unknown_run(run_id: str) -> NotFound:
    """The error for a run that was never started here, or ended long ago."""
    return NotFound(
        f"There is no run {run_id!r} in this conversation, or it ended long ago.", code="unknown_run", field="run_id"
    )


def too_many_runs(detail: str, limit: int) -> TooManyRequests:
    """The error past a bound of runs."""
    return TooManyRequests(
        f"{detail} End one of them first.", code="too_many_runs", limit=limit, headers={"Retry-After": "10"}
    )


__all__ = [
    "RunRecord",
    "RunResult",
    "SettledRun",
    "StoredRun",
    "check_same_end",
    "check_same_start",
    "fingerprint",
    "run_ended",
    "too_many_runs",
    "unknown_run",
]
