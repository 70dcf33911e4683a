"""One message on its way to the workflow: which messages its run answers, and what is called."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from umbral_chat.errors import (
    HistoryUnavailable,
    TooManyRequests,
    TryLater,
    Unavailable,
)
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Message
from umbral_chat.model.runs import Progress, RunBody

from umbral_chat_n8n_bridge.answers.chat_frames import answer_frame
from umbral_chat_n8n_bridge.chats import ASSISTANT
from umbral_chat_n8n_bridge.files.reference import reference_of
from umbral_chat_n8n_bridge.relay.call import call_content, call_headers, sent_of
from umbral_chat_n8n_bridge.relay.execution import WorkflowRequest
from umbral_chat_n8n_bridge.relay.gathering import TurnReader, combined
from umbral_chat_n8n_bridge.relay.handoff import agent_answers
from umbral_chat_n8n_bridge.relay.held_execution import RelayedRun
from umbral_chat_n8n_bridge.relay.ledger import Ledger, LedgerEntry, RunRecord
from umbral_chat_n8n_bridge.relay.messages import AnswerMessages, patient
from umbral_chat_n8n_bridge.relay.run_report import ALIVE_EVERY, RunReport
from umbral_chat_n8n_bridge.relay.turn_files import LoadedFiles
from umbral_chat_n8n_bridge.relay.turn_outcome import TurnOutcome, both, changed
from umbral_chat_n8n_bridge.relay.turns import Turn, standing
from umbral_chat_n8n_bridge.relay.watch import RunObserver, watching
from umbral_chat_n8n_bridge.relay.workflow_client import RunRequest

if TYPE_CHECKING:
    from umbral_chat_n8n_bridge.relay.consumer import RelayConsumer


class RelayedTurn:
    """One message on its way, with those that its run answers as well."""

    def __init__(self, consumer: RelayConsumer, conversation: str, epoch: str, message: Message) -> None:
        self._consumer, self._chat, self._client = consumer, consumer.chat, consumer.client
        self._services, self._counters = consumer.bridge.services, consumer.bridge.counters
        self._conversation, self._epoch, self._message = conversation, epoch, message
        self._messages, self._asked = [message], message
        self._files, self._done = consumer.files(conversation), [message]
        """`_done`: whose files nobody asks for any more when the turn is over."""
        self._ledger = LedgerEntry(self._services.storage.store, conversation, epoch, message.seq)
        self._reader = TurnReader(self._services, conversation, epoch, message.seq, consumer.questions)
        self._report = RunReport(self._chat, self._services, conversation)
        self._outcome = TurnOutcome(self._chat, self._services, self._counters, self._ledger, self._report)

    async def handle(self) -> None:
        """Have it answered, as far as it is not. Raises what a consumer's `handle` may raise, and keeps its files."""
        await self._handle()
        await self._files.remove(self._done)

    async def _handle(self) -> None:
        record, fixed = await self._standing(), False
        if record is None:
            return
        if record.given_up:
            # Asked for by an operator. Later messages may have been answered since.
            record, fixed = record.again(), True
        turn = self._turn(record.through, fixed=fixed)
        while record is not None:
            await self._gather(turn)
            if len(turn.seqs) > 1 and not fixed and await self._is_tried_again():
                turn, fixed = self._turn(0, fixed=True), True
            human, head = await agent_answers(self._services, self._chat, self._conversation, self._message.seq)
            if human:
                await self._outcome.human(record.generation)
                return
            record = await self._call(record, turn, head)

    def _turn(self, recorded: int, *, fixed: bool) -> Turn:
        message, at = self._message, self._reader.time_of(self._message.at)
        files = reference_of(message.metadata)
        return Turn(self._consumer.rules, message.seq, len(message.content), at, files, recorded=recorded, fixed=fixed)

    async def _is_tried_again(self) -> bool:
        """Whether it is a dead letter of which an operator has asked for another try. One that is only a dead letter
        comes back when its instance was killed before the cursor was stored past it."""
        consumers = self._services.consumers
        letters = await consumers.dead_letters(self._consumer.name, conversation=self._conversation)
        return any(letter.seq == self._message.seq and letter.retry for letter in letters)

    async def _standing(self) -> RunRecord | None:
        """The record to begin a run with; None: none is to begin. Raises what the consumer is to do instead."""
        ledger, seq, rules = self._ledger, self._message.seq, self._consumer.rules
        await ledger.load()
        record, leader = ledger.record, None
        if record.state == "joined":
            store = self._services.storage.store
            leader, _ = await Ledger(store).load(self._conversation, self._epoch, record.leader)
            # A dead letter may be tried again, with this message.
            self._done = [] if leader is not None and leader.given_up else self._done
        called = record.state == "called"
        more = called and rules.during_run == "interrupt" and await self._reader.more(max(seq, record.through))
        match standing(seq, record, leader, more=more, rules=rules):
            case "over":
                await self._outcome.end_recorded(record)
                return None
            case "given_up":
                if not await self._is_tried_again():
                    raise await self._outcome.given_up_before(record)
                return record
            case "lost" if await self._taken_up(record):
                return None
            case "interrupted" | "lost" if await self._reader.has_answer(self._ledger.run_id):
                await self._outcome.over("completed", "answered")
                return None
            case "interrupted":
                return await self._outcome.interrupted(record)
            case "lost":
                # The instance that called is gone, and with it the answer.
                if not self._chat.settings.repeat_unknown:
                    raise await self._outcome.given_up("outcome_unknown")
                await self._outcome.end_run("failed", "outcome_unknown")
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
            await self._outcome.over("cancelled", "redacted")
            return None
        self._messages, self._asked, self._done = messages, combined(messages), messages
        if record.generation > 1 and not record.tries:
            # It has ended, unless a crash came before that.
            await self._outcome.end_run("cancelled", "interrupted", record.generation - 1)
        for seq in turn.seqs[1:]:
            await self._join(seq, record)
        loaded = await self._files.load(messages)  # before the record says that n8n was called
        run_id = self._ledger.run_id
        await self._begin(record, turn)
        record = self._ledger.record
        after = self._reader.cursor if turn.interruptible else Cursor(self._epoch, max(head, turn.seqs[-1]))
        judge = (lambda entries: self._reader.take(turn, entries)) if turn.interruptible else None
        async with watching(self._services, self._conversation, after, run_id, judge) as watch:
            answer = self._answer(run_id, watch)
            with self._counters.running():
                webhook = partial(self._workflow_call, run_id, loaded)
                request = RunRequest(self._run(), self._asked.content, loaded.files, webhook)
                call = self._consumer.workflow.call(request, answer, watch, lambda: self._alive(answer))
                end = await both(call, self._show("thinking"))
                if end.ended.way == "silent":
                    await self._wait_for_late_answer(watch)
            if answer.discarded:
                self._consumer.warn_of_two_answers()
            return await self._outcome.settle(end, answer, watch, record)

    async def _begin(self, record: RunRecord, turn: Turn) -> None:
        """Begin the run, and record that n8n is called for it; when this raises, it is not called."""
        through = turn.seqs[-1] if len(turn.seqs) > 1 else 0
        called_at = self._services.base.clock.now().timestamp()
        body = RunBody(run_id=self._ledger.run_id, for_seq=turn.seqs[0], sender=ASSISTANT)
        start = self._services.runs.start(self._chat.principal, self._conversation, body)
        save = self._ledger.save(changed(record, state="called", through=through, called_at=called_at))
        # Side by side, here and at the end: n8n is called, and the visitor answered, one write of the store sooner.
        saved, started = await asyncio.gather(save, start, return_exceptions=True)
        if isinstance(saved, BaseException):
            raise saved
        if isinstance(started, BaseException):
            await patient(self._services.base.clock, lambda: self._ledger.save(record))
            if isinstance(started, TooManyRequests):
                raise TryLater(5.0, started.detail) from None
            raise started
        turn.begin()

    async def _join(self, seq: int, record: RunRecord) -> None:
        """Record that a message is answered with this one, before the run begins."""
        ledger = LedgerEntry(self._services.storage.store, self._conversation, self._epoch, seq)
        await ledger.load()
        if ledger.record.state != "joined" or ledger.record.leader != self._message.seq:
            await ledger.save(RunRecord(state="joined", leader=self._message.seq, generation=record.generation))

    async def _taken_up(self, record: RunRecord) -> bool:
        """Whether a run could be taken up whose instance is gone: its execution is open, or n8n is asked."""
        workflow, run = self._consumer.workflow, self._run()
        held = await workflow.dialogs.of_run(run)
        if held is None and (not workflow.asks or await self._reader.has_answer(self._ledger.run_id)):
            return False
        after = Cursor(self._epoch, max(self._message.seq, record.through))
        async with watching(self._services, self._conversation, after, run.run_id) as watch:
            await self._show("waiting")
            messages = self._answer(run.run_id, watch)
            with self._counters.running():
                if held is not None:
                    owed = await self._owed(record) if held.record.owed else None
                    end = await workflow.go_on(held, run, owed, messages, watch, lambda: self._alive(messages))
                else:
                    end = await workflow.ask(run, record.called_at, messages, watch, lambda: self._alive(messages))
                if end.ended.way == "silent":
                    await self._wait_for_late_answer(watch)
            if messages.discarded:
                self._consumer.warn_of_two_answers()
            await self._outcome.settle(end, messages, watch, record)
        return True

    async def _owed(self, record: RunRecord) -> str:
        """The frame that an execution was to be sent in a run that was begun before: the message, with those that
        joined it."""
        messages = [self._message]
        if record.through:
            turn = self._turn(record.through, fixed=True)
            await self._gather(turn)
            messages = await self._reader.messages(turn) or messages
        files = (await self._files.load(messages)).files
        return answer_frame(self._chat.session_of(self._conversation), combined(messages).content, files)

    def _run(self) -> RelayedRun:
        session = self._chat.session_of(self._conversation)
        return RelayedRun(self._conversation, self._epoch, self._message.seq, self._ledger.run_id, session)

    def _workflow_call(self, run_id: str, loaded: LoadedFiles) -> WorkflowRequest:
        settings = self._chat.settings
        content = call_content(self._chat, self._conversation, self._messages, self._asked, run_id, loaded)
        loaded.files.clear()
        return WorkflowRequest(
            self._client,
            self._consumer.webhook,
            content.body,
            call_headers(self._chat, content, run_id, self._services.base.clock.now()),
            sent=sent_of(self._chat, self._conversation, self._asked),
            limit=self._services.base.settings.core.limits.content_chars,
            silence=settings.silence,
        )

    def _answer(self, run_id: str, watch: RunObserver) -> AnswerMessages:
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

    async def _alive(self, messages: AnswerMessages) -> None:
        await self._report.alive(self._ledger.run_id, "writing" if messages.writing else "thinking")

    async def _show(self, state: Progress) -> None:
        await self._report.show(self._ledger.run_id, state)


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of them, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["RelayedTurn"]
