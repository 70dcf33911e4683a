"""The durable consumer of a chat: decides what becomes of each user message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from umbral_chat.errors import (
    Conflict,
    ConsumerError,
    ConversationDeleted,
    NotFound,
    RequestError,
    TooManyRequests,
    TryLater,
    Undeliverable,
)
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Entry, Message, RunOutcome
from umbral_chat.model.runs import ProgressBody, RunBody, RunEndBody
from umbral_chat.providers.history import KnowsAuthors

from umbral_chat_n8n_bridge.chats import ASSISTANT, RUN_MARK, Chat
from umbral_chat_n8n_bridge.relay.call import call_body, call_headers, is_question, sent_of
from umbral_chat_n8n_bridge.relay.execution import CallEnd, WorkflowRequest
from umbral_chat_n8n_bridge.relay.handoff import agent_answers
from umbral_chat_n8n_bridge.relay.held_execution import RelayedRun
from umbral_chat_n8n_bridge.relay.ledger import LedgerEntry, Outcome, RunRecord
from umbral_chat_n8n_bridge.relay.messages import AnswerMessages, patient
from umbral_chat_n8n_bridge.relay.watch import RunObserver, watching
from umbral_chat_n8n_bridge.relay.workflow_client import RunRequest, WorkflowClient

if TYPE_CHECKING:
    from umbral_chat.http_kit.outbound import OutboundClient

    from umbral_chat_n8n_bridge.bridge import Bridge

log = logging.getLogger(__name__)

FINAL = frozenset({"refused", "credentials_required", "refused_url", "redirected"})
"""Codes of calls that did not begin and that a repeat does not mend."""

ALIVE_EVERY = 30.0
"""Seconds between two reports that a run goes on."""

SETTLE_PAGES = 20
"""Pages of a log in which an answer is looked for after a crash."""

PAGE = 200


class RelayConsumer:
    """Passes a chat's user messages to its workflow, in order for each conversation, and writes the answers."""

    begins: Literal["now"] = "now"

    def __init__(self, chat: Chat, bridge: Bridge, client: OutboundClient) -> None:
        self.name = f"n8n:{chat.name}"
        # Tries of calls are counted in the ledger, and end before these, which count whatever else fails.
        self.tries = max(16, chat.settings.tries + 1)
        self.chat = chat
        self.bridge = bridge
        self.client = client
        webhook = client.parse(chat.settings.webhook_url, field=f"n8n.chats.{chat.name}.webhook_url")
        self.webhook = webhook
        self.workflow = WorkflowClient(chat, bridge.services, webhook, client)
        self._warned = False

    def wants(self, conversation: str) -> bool:
        """See `WantsConversations`."""
        return self.chat.owns(conversation)

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:  # noqa: ARG002 - the core's interface
        """See `SelectsEntries`."""
        return [entry for entry in entries if is_question(entry, self.chat)]

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """See `Consumer`."""
        if not isinstance(entry, Message) or not is_question(entry, self.chat):
            return
        try:
            if not await self._written_by_workflow(conversation, entry.seq):
                await _Relayed(self, conversation, epoch, entry).handle()
        except ConversationDeleted:
            return

    async def _written_by_workflow(self, conversation: str, seq: int) -> bool:
        history, authors = self.bridge.services.storage.history, self.chat.workflow_authors
        if not authors or not isinstance(history, KnowsAuthors):
            return False
        return bool(await history.written_by(conversation, seq, authors))

    async def is_dead_letter(self, conversation: str, seq: int) -> bool:
        """Whether the entry is one already: then an operator has asked for another try."""
        letters = await self.bridge.services.consumers.dead_letters(self.name, conversation=conversation)
        return any(letter.seq == seq for letter in letters)

    def warn_of_two_answers(self) -> None:
        """Once: a workflow answers twice."""
        if not self._warned:
            self._warned = True
            log.warning(
                "n8n: the workflow of chat %s writes its answer with metadata.%s and also answers its webhook with "
                "text; the latter is not kept. Have its last node return no text.",
                *(self.chat.name, RUN_MARK),
            )


class _Relayed:
    """One message on its way."""

    def __init__(self, consumer: RelayConsumer, conversation: str, epoch: str, message: Message) -> None:
        self._consumer, self._chat, self._client = consumer, consumer.chat, consumer.client
        self._services, self._counters = consumer.bridge.services, consumer.bridge.counters
        self._conversation, self._epoch, self._message = conversation, epoch, message
        self._ledger = LedgerEntry(self._services.storage.store, conversation, epoch, message.seq)
        self._alive_at = float("-inf")
        self._state: Literal["thinking", "writing", "waiting"] = "thinking"

    async def handle(self) -> None:
        await self._ledger.load()
        record = self._ledger.record
        if record.state == "over":
            if not record.given_up:
                return
            if not await self._consumer.is_dead_letter(self._conversation, self._message.seq):
                raise Undeliverable(_reason(record.code))
            record = record.again()
        elif record.state == "called":
            # The instance that called is gone, and with it the answer.
            if await self._taken_up(record):
                return
            if await self._has_answer():
                await self._over("completed", "answered")
                return
            if not self._chat.settings.repeat_unknown:
                raise await self._given_up("outcome_unknown")
            await self._end_run("failed", "outcome_unknown")
            record = record.again()
        if await agent_answers(self._services, self._chat, self._conversation, self._message.seq):
            await self._ledger.save(RunRecord(state="over", generation=record.generation, outcome="human"))
            self._counters.ended("human")
            return
        await self._call(record)

    async def _call(self, record: RunRecord) -> None:
        self._ledger.record = record
        run_id = self._ledger.run_id
        try:
            await self._services.runs.start(
                self._chat.principal,
                self._conversation,
                RunBody(run_id=run_id, for_seq=self._message.seq, sender=ASSISTANT),
            )
        except TooManyRequests as error:
            raise TryLater(5.0, error.detail) from None
        after = Cursor(self._epoch, self._message.seq)
        async with watching(self._services, self._conversation, after, run_id) as watch:
            await self._report("thinking")
            called_at = self._services.base.clock.now().timestamp()
            await self._ledger.save(_with(record, state="called", called_at=called_at))
            messages = self._messages(run_id, watch)
            with self._counters.running():
                call = RunRequest(self._run(), self._message.content, self._workflow_call(run_id))
                end = await self._consumer.workflow.call(call, messages, watch, lambda: self._alive(messages))
                if end.ended.way == "silent":
                    await self._wait_for_late_answer(watch)
            await self._settle(end, messages, watch, record)

    async def _taken_up(self, record: RunRecord) -> bool:
        """Whether a run could be taken up whose instance is gone: its execution is open, or n8n is asked."""
        workflow, run = self._consumer.workflow, self._run()
        held = await workflow.dialogs.of_run(run)
        if held is None and (not workflow.asks or await self._has_answer()):
            return False
        after = Cursor(self._epoch, self._message.seq)
        async with watching(self._services, self._conversation, after, run.run_id) as watch:
            await self._report("waiting")
            messages = self._messages(run.run_id, watch)
            with self._counters.running():
                if held is not None:
                    text = self._message.content
                    end = await workflow.go_on(held, run, text, messages, watch, lambda: self._alive(messages))
                else:
                    end = await workflow.ask(run, record.called_at, messages, watch, lambda: self._alive(messages))
                if end.ended.way == "silent":
                    await self._wait_for_late_answer(watch)
            await self._settle(end, messages, watch, record)
        return True

    def _run(self) -> RelayedRun:
        session = self._chat.session_of(self._conversation)
        return RelayedRun(self._conversation, self._epoch, self._message.seq, self._ledger.run_id, session)

    def _workflow_call(self, run_id: str) -> WorkflowRequest:
        settings = self._chat.settings
        body = call_body(self._chat, self._conversation, self._message, run_id)
        return WorkflowRequest(
            self._client,
            self._consumer.webhook,
            body,
            call_headers(self._chat, body, run_id, self._services.base.clock.now()),
            sent=sent_of(self._chat, self._conversation, self._message),
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
        await self._report("waiting")
        while not (watch.answered or watch.ended or watch.stop) and clock.monotonic() < deadline:
            watch.news.clear()
            await _first(watch.news.wait(), clock.sleep(min(ALIVE_EVERY, max(0.0, deadline - clock.monotonic()))))
            await self._report("waiting")

    async def _settle(self, end: CallEnd, messages: AnswerMessages, watch: RunObserver, record: RunRecord) -> None:
        """What follows from how the call ended."""
        if messages.discarded:
            self._consumer.warn_of_two_answers()
        way, code = end.ended.way, end.ended.code
        if end.stopped or watch.stop is not None:
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
            await self._ledger.save(RunRecord(generation=record.generation + 1, tries=record.tries + 1))
            raise ConsumerError(_reason(code))
        else:
            raise await self._given_up(code)

    async def _try_again(self, end: CallEnd, record: RunRecord) -> None:
        """n8n did not take the message. Raises what the consumer is to do."""
        code, tries = end.ended.code, record.tries + 1
        if code in FINAL or tries >= self._chat.settings.tries:
            raise await self._given_up(code)
        self._counters.ended("not_accepted")
        await self._ledger.save(_with(record, state="waiting", tries=tries))
        await self._report("waiting")
        if end.retry_after is not None:
            raise TryLater(end.retry_after, _reason(code))
        raise ConsumerError(_reason(code))

    async def _given_up(self, code: str) -> Undeliverable:
        await self._end_run("failed", code)
        record = self._ledger.record
        await self._ledger.save(_with(record, state="over", outcome="failed", code=code, given_up=True))
        self._counters.ended("given_up")
        return Undeliverable(_reason(code))

    async def _over(self, outcome: Outcome, code: str) -> None:
        assert outcome != "human"  # noqa: S101 - it has no run
        await self._end_run(outcome, None if outcome == "completed" else code)
        record = _with(self._ledger.record, state="over", outcome=outcome, code=code)
        await patient(self._services.base.clock, lambda: self._ledger.save(record))
        self._counters.ended(outcome)

    async def _end_run(self, outcome: RunOutcome, reason: str | None) -> None:
        body = RunEndBody(outcome=outcome, reason=reason)
        principal, run_id = self._chat.principal, self._ledger.run_id
        try:
            await patient(
                self._services.base.clock,
                lambda: self._services.runs.end(principal, self._conversation, run_id, body),
            )
        except (Conflict, NotFound):
            return  # it was ended elsewhere, or never begun

    async def _alive(self, messages: AnswerMessages) -> None:
        state: Literal["thinking", "writing"] = "writing" if messages.writing else "thinking"
        now = self._services.base.clock.monotonic()
        if state != self._state or now - self._alive_at >= ALIVE_EVERY:
            await self._report(state)

    async def _report(self, state: Literal["thinking", "writing", "waiting"]) -> None:
        self._state, self._alive_at = state, self._services.base.clock.monotonic()
        try:
            await self._services.runs.progress(
                self._chat.principal, self._conversation, self._ledger.run_id, ProgressBody(state=state)
            )
        except ConversationDeleted:
            raise
        except RequestError as error:
            log.debug("The progress of a run is not shown: %s", error.code)

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


__all__ = ["ALIVE_EVERY", "FINAL", "RelayConsumer"]
