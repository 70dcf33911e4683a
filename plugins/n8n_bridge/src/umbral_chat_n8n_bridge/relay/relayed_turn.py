"""One message on its way to the workflow: which messages its run answers, what is called, and what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec
from umbral_chat.errors import (
    ConsumerError,
    HistoryUnavailable,
    TooManyRequests,
    TryLater,
    Unavailable,
    Undeliverable,
)
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Message, RunOutcome
from umbral_chat.model.runs import Progress, RunBody

from umbral_chat_n8n_bridge.chats import ASSISTANT, RUN_MARK
from umbral_chat_n8n_bridge.relay.call import call_body, call_headers, sent_of
from umbral_chat_n8n_bridge.relay.execution import CallEnd, WorkflowRequest
from umbral_chat_n8n_bridge.relay.gathering import TurnReader, combined
from umbral_chat_n8n_bridge.relay.handoff import agent_answers
from umbral_chat_n8n_bridge.relay.held_execution import RelayedRun
from umbral_chat_n8n_bridge.relay.ledger import Ledger, LedgerEntry, Outcome, RunRecord
from umbral_chat_n8n_bridge.relay.messages import AnswerMessages, patient
from umbral_chat_n8n_bridge.relay.run_report import ALIVE_EVERY, RunReport
from umbral_chat_n8n_bridge.relay.turns import Turn, standing
from umbral_chat_n8n_bridge.relay.watch import RunObserver, watching
from umbral_chat_n8n_bridge.relay.workflow_client import RunRequest

if TYPE_CHECKING:
    from umbral_chat_n8n_bridge.relay.consumer import RelayConsumer

FINAL = frozenset({"refused", "credentials_required", "refused_url", "redirected"})
"""Codes of calls that did not begin and that a repeat does not mend."""

UNANSWERED = frozenset({"silent", "unknown", "never_began"})
"""Ways in which a call ends without an answer: then a message that came meanwhile interrupts it after all."""

SETTLE_PAGES = 20
"""Pages of a log in which an answer is looked for after a crash."""

PAGE = 200


class RelayedTurn:
    """One message on its way, with those that its run answers as well."""

    def __init__(self, consumer: RelayConsumer, conversation: str, epoch: str, message: Message) -> None:
        self._consumer, self._chat, self._client = consumer, consumer.chat, consumer.client
        self._services, self._counters = consumer.bridge.services, consumer.bridge.counters
        self._conversation, self._epoch, self._message = conversation, epoch, message
        self._asked = message
        self._ledger = LedgerEntry(self._services.storage.store, conversation, epoch, message.seq)
        self._reader = TurnReader(self._services, conversation, epoch, message.seq, consumer.questions)
        self._report = RunReport(self._chat, self._services, conversation)

    async def handle(self) -> None:
        """Have it answered, as far as it is not. Raises what a consumer's `handle` may raise."""
        record, fixed = await self._standing(), False
        if record is None:
            return
        if record.given_up:
            # Asked for by an operator. Later messages may have been answered since.
            record, fixed = record.again(), True
        turn = self._turn(record.through, fixed=fixed)
        while record is not None:
            await self._gather(turn)
            if len(turn.seqs) > 1 and not fixed and await self._is_dead_letter():
                turn, fixed = self._turn(0, fixed=True), True
            human, head = await agent_answers(self._services, self._chat, self._conversation, self._message.seq)
            if human:
                await self._ledger.save(RunRecord(state="over", generation=record.generation, outcome="human"))
                self._counters.ended("human")
                return
            record = await self._call(record, turn, head)

    def _turn(self, recorded: int, *, fixed: bool) -> Turn:
        message, at = self._message, self._reader.time_of(self._message.at)
        return Turn(self._consumer.rules, message.seq, len(message.content), at, recorded=recorded, fixed=fixed)

    async def _is_dead_letter(self) -> bool:
        """Whether the message is one already: then an operator has asked for another try."""
        consumers = self._services.consumers
        letters = await consumers.dead_letters(self._consumer.name, conversation=self._conversation)
        return any(letter.seq == self._message.seq for letter in letters)

    async def _standing(self) -> RunRecord | None:
        """The record to begin a run with; None: none is to begin. Raises what the consumer is to do instead."""
        ledger, seq, rules = self._ledger, self._message.seq, self._consumer.rules
        await ledger.load()
        record, leader = ledger.record, None
        if record.state == "joined":
            store = self._services.storage.store
            leader, _ = await Ledger(store).load(self._conversation, self._epoch, record.leader)
        called = record.state == "called"
        more = called and rules.during_run == "interrupt" and await self._reader.more(max(seq, record.through))
        match standing(seq, record, leader, more=more, rules=rules):
            case "over":
                await self._end_recorded(record)
                return None
            case "given_up":
                if not await self._is_dead_letter():
                    await self._end_recorded(record)
                    raise Undeliverable(_reason(record.code))
                return record
            case "lost" if await self._taken_up(record):
                return None
            case "interrupted" | "lost" if await self._has_answer():
                await self._over("completed", "answered")
                return None
            case "interrupted":
                return await self._interrupted(record)
            case "lost":
                # The instance that called is gone, and with it the answer.
                if not self._chat.settings.repeat_unknown:
                    raise await self._given_up("outcome_unknown")
                await self._end_run("failed", "outcome_unknown")
                return record.again()
            case _:
                return RunRecord() if record.state == "joined" else record

    async def _gather(self, turn: Turn) -> None:
        try:
            await self._reader.gather(turn)
        except HistoryUnavailable:
            raise
        except Unavailable as error:
            raise TryLater(5.0, error.detail) from None

    async def _call(self, record: RunRecord, turn: Turn, head: int) -> RunRecord | None:
        """The run of the turn. The record to begin the next one with, when it was interrupted; else None."""
        single = turn.seqs == (self._message.seq,) and not turn.gathers
        messages = [self._message] if single else await self._reader.messages(turn)
        self._ledger.record = record
        if not messages:  # all were redacted
            await self._over("cancelled", "redacted")
            return None
        self._asked = combined(messages)
        if record.generation > 1 and not record.tries:
            # It has ended, unless a crash came before that.
            await self._end_run("cancelled", "interrupted", record.generation - 1)
        for seq in turn.seqs[1:]:
            await self._join(seq, record)
        run_id = self._ledger.run_id
        try:
            await self._services.runs.start(
                self._chat.principal,
                self._conversation,
                RunBody(run_id=run_id, for_seq=turn.seqs[0], sender=ASSISTANT),
            )
        except TooManyRequests as error:
            raise TryLater(5.0, error.detail) from None
        turn.begin()
        after = self._reader.cursor if turn.interruptible else Cursor(self._epoch, max(head, turn.seqs[-1]))
        judge = (lambda entries: self._reader.take(turn, entries)) if turn.interruptible else None
        async with watching(self._services, self._conversation, after, run_id, judge) as watch:
            await self._show("thinking")
            through = turn.seqs[-1] if len(turn.seqs) > 1 else 0
            called_at = self._services.base.clock.now().timestamp()
            await self._ledger.save(_with(record, state="called", through=through, called_at=called_at))
            record = self._ledger.record
            answer = self._messages(run_id, watch)
            with self._counters.running():
                request = RunRequest(self._run(), self._asked.content, self._workflow_call(run_id))
                end = await self._consumer.workflow.call(request, answer, watch, lambda: self._alive(answer))
                if end.ended.way == "silent":
                    await self._wait_for_late_answer(watch)
            if answer.discarded:
                self._consumer.warn_of_two_answers()
            return await self._settle(end, answer, watch, record)

    async def _join(self, seq: int, record: RunRecord) -> None:
        """Record that a message is answered with this one, before the run begins."""
        ledger = LedgerEntry(self._services.storage.store, self._conversation, self._epoch, seq)
        await ledger.load()
        if ledger.record.state != "joined" or ledger.record.leader != self._message.seq:
            await ledger.save(RunRecord(state="joined", leader=self._message.seq, generation=record.generation))

    async def _interrupted(self, record: RunRecord) -> RunRecord:
        """The run ends for one that also answers what the user wrote meanwhile."""
        await patient(self._services.base.clock, lambda: self._ledger.save(record.again()))
        await self._end_run("cancelled", "interrupted", record.generation)
        self._counters.ended("interrupted")
        return self._ledger.record

    async def _taken_up(self, record: RunRecord) -> bool:
        """Whether a run could be taken up whose instance is gone: its execution is open, or n8n is asked."""
        workflow, run = self._consumer.workflow, self._run()
        held = await workflow.dialogs.of_run(run)
        if held is None and (not workflow.asks or await self._has_answer()):
            return False
        after = Cursor(self._epoch, max(self._message.seq, record.through))
        async with watching(self._services, self._conversation, after, run.run_id) as watch:
            await self._show("waiting")
            messages = self._messages(run.run_id, watch)
            with self._counters.running():
                if held is not None:
                    text = (await self._asked_before(record)).content
                    end = await workflow.go_on(held, run, text, messages, watch, lambda: self._alive(messages))
                else:
                    end = await workflow.ask(run, record.called_at, messages, watch, lambda: self._alive(messages))
                if end.ended.way == "silent":
                    await self._wait_for_late_answer(watch)
            if messages.discarded:
                self._consumer.warn_of_two_answers()
            await self._settle(end, messages, watch, record)
        return True

    async def _asked_before(self, record: RunRecord) -> Message:
        """The message of a run that was begun before, with those that joined it."""
        if not record.through:
            return self._message
        turn = self._turn(record.through, fixed=True)
        await self._gather(turn)
        messages = await self._reader.messages(turn)
        return combined(messages) if messages else self._message

    def _run(self) -> RelayedRun:
        session = self._chat.session_of(self._conversation)
        return RelayedRun(self._conversation, self._epoch, self._message.seq, self._ledger.run_id, session)

    def _workflow_call(self, run_id: str) -> WorkflowRequest:
        settings = self._chat.settings
        body = call_body(self._chat, self._conversation, self._asked, run_id)
        return WorkflowRequest(
            self._client,
            self._consumer.webhook,
            body,
            call_headers(self._chat, body, run_id, self._services.base.clock.now()),
            sent=sent_of(self._chat, self._conversation, self._asked),
            limit=self._services.base.settings.core.limits.content_chars,
            silence=settings.silence,
        )

    def _messages(self, run_id: str, watch: RunObserver) -> AnswerMessages:
        return AnswerMessages(
            chat=self._chat,
            service=self._services.chat,
            drafts=self._services.drafts,
            clock=self._services.base.clock,
            conversation=self._conversation,
            run_id=run_id,
            answered_itself=watch.look,
        )

    async def _wait_for_late_answer(self, watch: RunObserver) -> None:
        clock = self._services.base.clock
        deadline = clock.monotonic() + self._chat.settings.late_answer
        await self._show("waiting")
        while not (watch.answered or watch.ended or watch.stop) and clock.monotonic() < deadline:
            watch.news.clear()
            await _first(watch.news.wait(), clock.sleep(min(ALIVE_EVERY, max(0.0, deadline - clock.monotonic()))))
            await self._show("waiting")

    async def _settle(
        self, end: CallEnd, messages: AnswerMessages, watch: RunObserver, record: RunRecord
    ) -> RunRecord | None:
        """What follows from how the call ended: the record to begin the next run with, or None."""
        way, code = end.ended.way, end.ended.code
        if await _was_interrupted(end, watch):
            return await self._interrupted(record)
        if end.stopped or watch.stop not in {None, "interrupted"}:
            await self._over("cancelled", watch.stop or code)
        elif messages.partial:
            await self._over("failed", "answer_incomplete" if way == "text" else code)
        elif way == "text" or messages.discarded or (messages.complete and way != "failed") or await watch.look():
            await self._over("completed", "answered")
        elif way == "silent":
            await self._over("completed" if watch.ended else "failed", f"no_answer:{code}")
        elif way == "failed":
            await self._over("failed", code)
        elif way == "never_began":
            await self._try_again(end, record)
        elif self._chat.settings.repeat_unknown:
            if record.tries + 1 >= self._chat.settings.tries:
                raise await self._given_up(code)
            await self._end_run("failed", code)
            await self._ledger.save(_with(record.again(), tries=record.tries + 1))
            raise ConsumerError(_reason(code))
        else:
            raise await self._given_up(code)
        return None

    async def _try_again(self, end: CallEnd, record: RunRecord) -> None:
        """n8n did not take the message. Raises what the consumer is to do."""
        code, tries = end.ended.code, record.tries + 1
        if code in FINAL or tries >= self._chat.settings.tries:
            raise await self._given_up(code)
        self._counters.ended("not_accepted")
        await self._ledger.save(_with(record, state="waiting", tries=tries))
        await self._show("waiting")
        if end.retry_after is not None:
            raise TryLater(end.retry_after, _reason(code))
        raise ConsumerError(_reason(code))

    async def _given_up(self, code: str) -> Undeliverable:
        record = self._ledger.record
        await self._ledger.save(_with(record, state="over", outcome="failed", code=code, given_up=True))
        await self._end_run("failed", code)
        self._counters.ended("given_up")
        return Undeliverable(_reason(code))

    async def _over(self, outcome: Outcome, code: str) -> None:
        assert outcome != "human"  # noqa: S101 - it has no run
        record = _with(self._ledger.record, state="over", outcome=outcome, code=code)
        # In this order, since readers are notified of the run's end, and then look for the record.
        await patient(self._services.base.clock, lambda: self._ledger.save(record))
        await self._end_recorded(record)
        self._counters.ended(outcome)

    async def _end_recorded(self, record: RunRecord) -> None:
        """End the run as its record says, should a crash have come between the two."""
        if record.outcome is not None and record.outcome != "human":
            await self._end_run(record.outcome, None if record.outcome == "completed" else record.code)

    async def _end_run(self, outcome: RunOutcome, reason: str | None, generation: int | None = None) -> None:
        await self._report.end(self._ledger.run_of(generation or self._ledger.record.generation), outcome, reason)

    async def _alive(self, messages: AnswerMessages) -> None:
        await self._report.alive(self._ledger.run_id, "writing" if messages.writing else "thinking")

    async def _show(self, state: Progress) -> None:
        await self._report.show(self._ledger.run_id, state)

    async def _has_answer(self) -> bool:
        """Whether the log has a complete message of the run."""
        history, after = self._services.storage.history, self._message.seq
        for _ in range(SETTLE_PAGES):
            page = await history.read(self._conversation, after, PAGE)
            for one in page.entries:
                if (
                    isinstance(one, Message)
                    and one.sender.role != "user"
                    and one.finish is None
                    and (one.metadata or {}).get(RUN_MARK) == self._ledger.run_id
                ):
                    return True
            after += len(page.entries)
            if not page.entries:
                break
        return False


async def _was_interrupted(end: CallEnd, watch: RunObserver) -> bool:
    """Whether a further message ended the run, before there was an answer."""
    if watch.stop != "interrupted":
        return False
    return end.stopped or (end.ended.way in UNANSWERED and not await watch.look())


def _with(record: RunRecord, **changes: Any) -> RunRecord:
    return msgspec.structs.replace(record, **changes)


def _reason(code: str | None) -> str:
    return f"n8n: {code}"


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of them, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["FINAL", "RelayedTurn"]
