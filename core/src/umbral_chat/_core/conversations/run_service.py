"""Runs: who may begin, report, end and cancel them, and within which bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from umbral_chat._core.auth.senders import sender_for
from umbral_chat._core.conversations.importing import missing_right
from umbral_chat._core.conversations.run_typing import RunTyping
from umbral_chat._core.conversations.runs import (
    RunRecord,
    SettledRun,
    StoredRun,
    check_same_end,
    check_same_start,
    fingerprint,
    run_ended,
    too_many_runs,
    unknown_run,
)
from umbral_chat._core.conversations.shared_runs import SharedRuns
from umbral_chat._core.settings.sections import Limits
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, Forbidden, InvalidRequest, NotFound, RequestError
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.conversations import Deleted
from umbral_chat.model.entries import Message, Sender
from umbral_chat.model.ids import ID_LIMIT, new_message_id
from umbral_chat.model.runs import (
    LABEL_LIMIT,
    METADATA_BYTES,
    TTL_LEAST,
    TTL_MOST,
    CancelBody,
    ProgressBody,
    RunBody,
    RunEndBody,
    RunEnded,
    RunProgress,
    RunStarted,
    RunView,
)
from umbral_chat.model.signals import Writer
from umbral_chat.model.validation import check_line, check_message_id, check_metadata, check_reason, check_sender
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import History
from umbral_chat.telemetry import Telemetry

RUNS_TOTAL = 10_000
"""Most runs at once in all conversations: every instance reads them all again and again, at some 500 bytes each."""


log = logging.getLogger(__name__)


class Runs:
    """The runs of every conversation. See `umbral_chat.context.RunService`.

    `alive` is called with the conversation and message of a run whose producer showed life: a sign of life of its
    draft. `reserve` raises Conflict (`not_your_draft`) where another author already drafts the message of a new run.
    """

    def __init__(
        self,
        shared: SharedRuns,
        history: History,
        *,
        typing: RunTyping,
        alive: Callable[[str, str], None],
        reserve: Callable[[str, str, Writer], Awaitable[None]],
        limits: Limits,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._shared = shared
        self._history = history
        self._typing = typing
        self._alive = alive
        self._reserve = reserve
        self._limits = limits
        self._clock = clock
        ends = telemetry.counter("umbral_chat.runs.ended")
        self._ends = {outcome: ends.labels(outcome) for outcome in ("completed", "cancelled", "failed")}

    def of(self, conversation: str) -> list[RunView]:
        """The runs of a conversation that go on, the oldest first, as far as this instance knows."""
        return self._shared.board.of(conversation)

    async def start(self, principal: Principal, conversation: str, body: RunBody) -> RunStarted:
        """Begin a run, which reserves its message id. Raises InvalidRequest, Forbidden, ConversationDeleted, Conflict
        (`idempotency_conflict`, `not_your_draft`) and TooManyRequests (`too_many_runs`)."""
        _check_producer(principal)
        run, settled = await asyncio.gather(
            self._new_run(principal, conversation, body), self._settled(conversation, body.run_id)
        )
        if settled is not None:
            check_same_start(settled.fingerprint, run.fingerprint)
            return RunStarted(run_id=run.run_id, created=False)
        if len(self._shared.board) >= RUNS_TOTAL:
            raise too_many_runs(f"There are at most {RUNS_TOTAL} runs at once.", RUNS_TOTAL)
        if run.message_id is not None and run.writer is not None:
            await self._reserve(conversation, run.message_id, run.writer)
        created = True

        def start(record: RunRecord) -> RunRecord:
            nonlocal created
            changed = record.start(conversation, run, limit=self._limits.runs)
            created = changed is not record
            return changed

        await self._shared.change(conversation, start)
        return RunStarted(run_id=run.run_id, created=created)

    async def progress(self, principal: Principal, conversation: str, run_id: str, body: ProgressBody) -> RunProgress:
        """What a run does now, and a sign of life of it; whether it is to stop. Raises InvalidRequest, Forbidden,
        NotFound (`unknown_run`) and Conflict (`run_ended`)."""
        _check_producer(principal)
        label = None if body.label is None else check_line(body.label, field="label", limit=LABEL_LIMIT)
        execution = None
        if body.execution_id is not None:
            execution = check_line(body.execution_id, field="execution_id", limit=ID_LIMIT)
        ttl, now = _checked_ttl(body.ttl), self._clock.now()
        run = await self._change(
            conversation,
            run_id,
            lambda record: record.progress(run_id, body.state, now, label=label, ttl=ttl, execution_id=execution),
        )
        if body.state == "writing":
            self._typing.wrote(conversation, run.view, ttl)
        if run.message_id is not None:
            self._alive(conversation, run.message_id)
        return _progress_of(run)

    async def cancel(self, principal: Principal, conversation: str, run_id: str, body: CancelBody) -> RunProgress:
        """Ask that a run end: its producer is answered so at its next progress. Raises InvalidRequest, NotFound
        (`unknown_run`), Conflict (`run_ended`) and, for others than a moderator and the sender of the message that the
        run is for, Forbidden (`not_your_run`)."""
        reason = check_reason(body.reason)
        check_message_id(run_id, field="run_id")
        known = (await self._shared.records.load(conversation)).record.find(run_id)
        if known is None:
            raise await self._not_there(conversation, run_id)
        await self._check_may_cancel(principal, conversation, known.for_seq)
        return _progress_of(await self._change(conversation, run_id, lambda record: record.cancel(run_id, reason)))

    async def end(self, principal: Principal, conversation: str, run_id: str, body: RunEndBody) -> RunEnded:
        """End a run. Without a message of it the log has an entry for it when this returns. The same end again is
        answered with the first one. Raises InvalidRequest, Forbidden, NotFound (`unknown_run`) and Conflict
        (`run_ended`)."""
        _check_producer(principal)
        reason, now = check_reason(body.reason), self._clock.now()
        check_message_id(run_id, field="run_id")
        first = True

        def finish(record: RunRecord) -> RunRecord:
            nonlocal first
            changed = record.finish(run_id, body.outcome, reason, now)
            first = changed is not record
            return changed

        try:
            record = await self._shared.change(conversation, finish)
        except NotFound:
            settled = await self._shared.records.settled(conversation, run_id)
            if settled is None:
                raise
            check_same_end(settled.ended.outcome, body.outcome, settled.ended.reason)
            return settled.ended
        if first:
            self._ends[body.outcome].add()
        run = record.find(run_id)
        ended = None if run is None else await self._shared.settle(conversation, run)
        if ended is None:
            raise unknown_run(run_id)
        return ended

    def touch(self, conversation: str, message_id: str) -> None:
        """A piece of a draft arrived: its run, if there is one, is alive."""
        if any(run.message_id == message_id for run in self.of(conversation)):
            self._shared.signs_of_life.put((conversation, message_id), self._clock.now())

    async def forget(self, conversation: str) -> None:
        """The conversation was deleted: nothing of its runs is left. While the store does not respond, they are
        forgotten when they end."""
        try:
            await self._shared.forget(conversation)
        except RequestError as error:
            log.debug("The runs of a deleted conversation are forgotten later: %s", error.detail)

    async def _settled(self, conversation: str, run_id: str | None) -> SettledRun | None:
        """How a run of this name ended, should it have."""
        return None if run_id is None else await self._shared.records.settled(conversation, run_id)

    async def _new_run(self, principal: Principal, conversation: str, body: RunBody) -> StoredRun:
        sender = Sender(role="assistant") if body.sender is None else sender_for(principal, check_sender(body.sender))
        message_id = None if body.message_id is None else check_message_id(body.message_id)
        metadata = check_metadata(body.metadata, limit=METADATA_BYTES, depth=self._limits.depth)
        run_id = new_message_id() if body.run_id is None else check_message_id(body.run_id, field="run_id")
        head = (await self._history.heads([conversation])).get(conversation)
        if isinstance(head, Deleted):
            raise ConversationDeleted(conversation)
        check_epoch(principal, conversation, None if head is None else head.epoch)
        now = self._clock.now()
        return StoredRun(
            run_id=run_id,
            fingerprint=fingerprint(sender, body.for_seq, message_id, metadata, principal.author),
            sender=sender,
            started_at=now,
            alive_at=now,
            epoch=None if head is None else head.epoch,
            after=0 if head is None else head.seq,
            for_seq=body.for_seq,
            message_id=message_id,
            writer=Writer.of(conversation, principal.author, trusted=principal.trusted),
            metadata=metadata,
        )

    async def _change(self, conversation: str, run_id: str, change: Callable[[RunRecord], RunRecord]) -> StoredRun:
        """Apply a change of a run that goes on; the run then. Raises NotFound and Conflict."""
        check_message_id(run_id, field="run_id")
        try:
            record = await self._shared.change(conversation, change)
        except NotFound:
            raise await self._not_there(conversation, run_id) from None
        return record.going_on(run_id)

    async def _not_there(self, conversation: str, run_id: str) -> Exception:
        """The error for a run that does not go on."""
        settled = await self._shared.records.settled(conversation, run_id)
        return unknown_run(run_id) if settled is None else run_ended(settled.ended.outcome, settled.ended.reason)

    async def _check_may_cancel(self, principal: Principal, conversation: str, for_seq: int | None) -> None:
        """Raise Forbidden for whoever may not cancel a run for the entry `for_seq`; for a principal that is bound to
        another log, ConversationDeleted."""
        moderates = "moderate" in principal.rights
        if moderates and principal.epoch is None:
            return
        page = await self._history.read(conversation, (for_seq or 1) - 1, 1)
        check_epoch(principal, conversation, None if page.head is None else page.head.epoch)
        asked, own = page.entries[0] if page.entries else None, principal.sender
        is_sender = (
            for_seq is not None
            and isinstance(asked, Message)
            and asked.sender.id is not None
            and (asked.sender.id, asked.sender.role) == (own.id, own.role)
        )
        if not moderates and not is_sender:
            raise Forbidden(
                "Only the sender of the message that a run is for may cancel it, or a caller with the right moderate.",
                code="not_your_run",
                extra={"right": "moderate"},
            )


def _check_producer(principal: Principal) -> None:
    if "send_as" not in principal.rights:
        raise missing_right("send_as", field="run_id")


def _checked_ttl(ttl: float | None) -> float | None:
    if ttl is not None and not TTL_LEAST <= ttl <= TTL_MOST:
        raise InvalidRequest(
            f"ttl is {ttl:g}; {TTL_LEAST:g} to {TTL_MOST:g} seconds are allowed.",
            code="invalid_field",
            field="ttl",
            limit=TTL_LEAST if ttl < TTL_LEAST else TTL_MOST,
        )
    return ttl


def _progress_of(run: StoredRun) -> RunProgress:
    return RunProgress(run_id=run.run_id, cancel_requested=run.cancel_requested, cancel_reason=run.cancel_reason)


__all__ = ["RUNS_TOTAL", "Runs"]
