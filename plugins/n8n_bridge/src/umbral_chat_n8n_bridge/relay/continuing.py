"""An execution that goes on by itself: a button was clicked, or its question's time is over. That is a run of its own,
for the message that the execution was last called with; while an agent answers, it is for the operators alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from umbral_chat.model.entries import RunOutcome
from umbral_chat.model.internal import internal_id
from umbral_chat.model.runs import RunBody

from umbral_chat_n8n_bridge.answers.chat_frames import ChatFrame
from umbral_chat_n8n_bridge.chats import ASSISTANT
from umbral_chat_n8n_bridge.relay.chat_socket import SocketEnd
from umbral_chat_n8n_bridge.relay.execution import CallEnd
from umbral_chat_n8n_bridge.relay.messages import AnswerMessages
from umbral_chat_n8n_bridge.relay.run_report import ALIVE_EVERY, RunReport
from umbral_chat_n8n_bridge.relay.watch import RunObserver, watching

if TYPE_CHECKING:
    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.relay.held_execution import HeldExecution

log = logging.getLogger(__name__)

Standing = Literal["waits", "over", "stopped"]
"""How an execution stands: it waits for the user; it has ended; or it is to be ended."""


class ContinuedExecution:
    """One stretch of it, from what it says by itself until it waits again."""

    def __init__(self, chat: Chat, services: Services, conversation: str, held: HeldExecution) -> None:
        self._chat, self._services, self._conversation, self._held = chat, services, conversation, held
        self._run_id = ""
        self._report = RunReport(chat, services, conversation)
        self._signed_at = float("-inf")

    async def run(self, first: ChatFrame | SocketEnd) -> Standing:
        """How it stands afterwards. Raises RequestErrors, and TryLater when another instance has taken it."""
        if isinstance(first, SocketEnd):
            if await self._held.recover(first, lambda: False, self._sign) is None:
                return "waits"
            return "over" if self._held.over else "waits"
        if self._held.dialog.repeats(first):
            self._held.dialog.receive(first, asyncio.get_running_loop().time())
            return "waits"
        record = self._held.record
        await self._held.save(turns=record.turns + 1)
        self._run_id = f"{record.run_id}.c{record.turns + 1}"
        found = await self._services.storage.history.conversation(self._conversation)
        if found is None or found.epoch != record.epoch:
            return "stopped"
        # What came before this stretch neither stops it nor answers in its place.
        after = found.cursor
        if found.responder == "human":
            watch = RunObserver(self._services, self._conversation, after, self._run_id)
            await self._exchange(first, internal_id(self._conversation), watch, self._sign)
            return "over" if self._held.over else "waits"
        body = RunBody(run_id=self._run_id, for_seq=record.seq, sender=ASSISTANT)
        await self._services.runs.start(self._chat.principal, self._conversation, body)
        async with watching(self._services, self._conversation, after, self._run_id) as watch:
            await self._report.show(self._run_id, "thinking", record.execution_id)
            end = await self._exchange(first, self._conversation, watch, self._alive)
        await self._end(end)
        if end.stopped:
            return "stopped"
        return "over" if self._held.over else "waits"

    async def _exchange(
        self, first: ChatFrame, conversation: str, watch: RunObserver, alive: Callable[[], Awaitable[None]]
    ) -> CallEnd:
        messages = AnswerMessages(
            chat=self._chat,
            service=self._services.chat,
            drafts=self._services.drafts,
            clock=self._services.base.clock,
            conversation=conversation,
            run_id=self._run_id,
            answered_itself=_not_itself,
        )
        return await self._held.exchange(messages, watch, alive, timeout=self._chat.settings.timeout, first=first)

    async def _end(self, end: CallEnd) -> None:
        outcome: RunOutcome = "completed"
        if end.stopped:
            outcome = "cancelled"
        elif end.ended.way not in {"text", "silent"}:
            outcome = "failed"
        await self._report.end(self._run_id, outcome, None if outcome == "completed" else end.ended.code)

    async def _sign(self) -> None:
        """That it is held here."""
        now = self._services.base.clock.monotonic()
        if now - self._signed_at >= ALIVE_EVERY:
            self._signed_at = now
            await self._held.entry.still_holds()

    async def _alive(self) -> None:
        await self._sign()
        await self._report.alive(self._run_id, "thinking")


async def _not_itself() -> bool:
    return False


__all__ = ["ContinuedExecution", "Standing"]
