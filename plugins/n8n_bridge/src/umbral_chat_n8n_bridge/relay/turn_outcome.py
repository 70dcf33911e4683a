"""What follows from how a call of the workflow ended: in the ledger, for readers of the conversation, and for the
consumer that works on the message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from umbral_chat.errors import ConsumerError, TryLater, Undeliverable
from umbral_chat.model.entries import RunOutcome

from umbral_chat_n8n_bridge.relay.execution import CallEnd
from umbral_chat_n8n_bridge.relay.ledger import LedgerEntry, Outcome, RunRecord
from umbral_chat_n8n_bridge.relay.messages import AnswerMessages, patient
from umbral_chat_n8n_bridge.relay.run_report import RunReport
from umbral_chat_n8n_bridge.relay.watch import RunObserver

if TYPE_CHECKING:
    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.metrics import RelayCounters

FINAL = frozenset({"refused", "credentials_required", "refused_url", "redirected"})
"""Codes of calls that did not begin and that a repeat does not mend."""

UNANSWERED = frozenset({"silent", "unknown", "never_began"})
"""Ways in which a call ends without an answer: then a message that came meanwhile interrupts it after all."""

T = TypeVar("T")


class TurnOutcome:
    """Ends the runs of one message. Methods raise HistoryUnavailable when the store was away for long."""

    def __init__(
        self, chat: Chat, services: Services, counters: RelayCounters, ledger: LedgerEntry, report: RunReport
    ) -> None:
        self._chat, self._clock, self._counters = chat, services.base.clock, counters
        self._ledger, self._report = ledger, report

    async def settle(
        self, end: CallEnd, messages: AnswerMessages, watch: RunObserver, record: RunRecord
    ) -> RunRecord | None:
        """What follows from how the call ended: the record to begin the next run with, or None. Raises Undeliverable,
        TryLater and ConsumerError, where the consumer is to give up or to try again."""
        way, code = end.ended.way, end.ended.code
        if await _was_interrupted(end, watch):
            return await self.interrupted(record)
        if end.stopped or watch.stop not in {None, "interrupted"}:
            await self.over("cancelled", watch.stop or code)
        elif messages.partial:
            await self.over("failed", "answer_incomplete" if way == "text" else code)
        elif way == "text" or messages.discarded or (messages.complete and way != "failed") or await watch.look():
            await self.over("completed", "answered")
        elif way == "silent":
            await self.over("completed" if watch.ended else "failed", f"no_answer:{code}")
        elif way == "failed":
            await self.over("failed", code)
        elif way == "never_began":
            await self._try_again(end, record)
        elif self._chat.settings.repeat_unknown:
            if record.tries + 1 >= self._chat.settings.tries:
                raise await self.given_up(code)
            await self.end_run("failed", code)
            await self._ledger.save(changed(record.again(), tries=record.tries + 1))
            raise ConsumerError(_reason(code))
        else:
            raise await self.given_up(code)
        return None

    async def interrupted(self, record: RunRecord) -> RunRecord:
        """The run ends for one that also answers what the user wrote meanwhile: the record to begin that with."""
        await patient(self._clock, lambda: self._ledger.save(record.again()))
        await self.end_run("cancelled", "interrupted", record.generation)
        self._counters.ended("interrupted")
        return self._ledger.record

    async def over(self, outcome: Outcome, code: str) -> None:
        """The message is answered, or will not be."""
        assert outcome != "human"  # noqa: S101 - it has no run
        record = changed(self._ledger.record, state="over", outcome=outcome, code=code)
        save = patient(self._clock, lambda: self._ledger.save(record))
        if outcome == "completed":
            await both(save, self.end_recorded(record))
        else:
            # Only where no other instance works on the message by now, which may have its answer.
            await save
            await self.end_recorded(record)
        self._counters.ended(outcome)

    async def human(self, generation: int) -> None:
        """An agent answers: there is no run."""
        await self._ledger.save(RunRecord(state="over", generation=generation, outcome="human"))
        self._counters.ended("human")

    async def given_up(self, code: str) -> Undeliverable:
        """The message becomes a dead letter: the error to raise."""
        record = self._ledger.record
        await self._ledger.save(changed(record, state="over", outcome="failed", code=code, given_up=True))
        await self.end_run("failed", code)
        self._counters.ended("given_up")
        return Undeliverable(_reason(code))

    async def given_up_before(self, record: RunRecord) -> Undeliverable:
        """The same of one whose record says so already."""
        await self.end_recorded(record)
        return Undeliverable(_reason(record.code))

    async def end_recorded(self, record: RunRecord) -> None:
        """End the run as its record says, should a crash have come between the two."""
        if record.outcome is not None and record.outcome != "human":
            await self.end_run(record.outcome, None if record.outcome == "completed" else record.code)

    async def end_run(self, outcome: RunOutcome, reason: str | None, generation: int | None = None) -> None:
        """End the run of a generation, the record's own unless given."""
        await self._report.end(self._ledger.run_of(generation or self._ledger.record.generation), outcome, reason)

    async def _try_again(self, end: CallEnd, record: RunRecord) -> None:
        """n8n did not take the message. Raises what the consumer is to do."""
        code, tries = end.ended.code, record.tries + 1
        if code in FINAL or tries >= self._chat.settings.tries:
            raise await self.given_up(code)
        self._counters.ended("not_accepted")
        await self._ledger.save(changed(record, state="waiting", tries=tries))
        await self._report.show(self._ledger.run_id, "waiting")
        if end.retry_after is not None:
            raise TryLater(end.retry_after, _reason(code))
        raise ConsumerError(_reason(code))


async def both(first: Awaitable[T], second: Awaitable[None]) -> T:
    """Wait for both, side by side; what the first returns. Raises what the first raises, else what the second does,
    when both are over."""
    found, other = await asyncio.gather(first, second, return_exceptions=True)
    for result in (found, other):
        if isinstance(result, BaseException):
            raise result
    return cast("T", found)


def changed(record: RunRecord, **changes: Any) -> RunRecord:
    """The record with these changes."""
    return msgspec.structs.replace(record, **changes)


async def _was_interrupted(end: CallEnd, watch: RunObserver) -> bool:
    """Whether a further message ended the run, before there was an answer."""
    if watch.stop != "interrupted":
        return False
    return end.stopped or (end.ended.way in UNANSWERED and not await watch.look())


def _reason(code: str | None) -> str:
    return f"n8n: {code}"


__all__ = ["TurnOutcome", "both", "changed"]
