"""What readers see of a run while it goes on, and its end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from umbral_chat.errors import Conflict, ConversationDeleted, NotFound, RequestError
from umbral_chat.model.runs import ProgressBody, RunEndBody

from umbral_chat_n8n_bridge.relay.messages import patient

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.model.entries import RunOutcome
    from umbral_chat.model.runs import Progress

    from umbral_chat_n8n_bridge.chats import Chat

log = logging.getLogger(__name__)

ALIVE_EVERY = 30.0
"""Seconds between two reports that a run goes on."""


class RunReport:
    """Reports on the runs of one conversation, one after the other. Methods raise ConversationDeleted."""

    def __init__(self, chat: Chat, services: Services, conversation: str) -> None:
        self._chat, self._services, self._conversation = chat, services, conversation
        self._shown_at = float("-inf")
        self._state: Progress = "thinking"
        self._in_order = asyncio.Lock()

    async def show(self, run_id: str, state: Progress, execution_id: str | None = None) -> None:
        """What the run does now, as far as it can be shown. Calls that overlap are shown in their order."""
        self._state, self._shown_at = state, self._services.base.clock.monotonic()
        body = ProgressBody(state=state, execution_id=execution_id)
        async with self._in_order:
            try:
                await self._services.runs.progress(self._chat.principal, self._conversation, run_id, body)
            except ConversationDeleted:
                raise
            except RequestError as error:
                log.debug("The progress of a run is not shown: %s", error.code)

    async def alive(self, run_id: str, state: Progress) -> None:
        """`show`, where the state is another one or nothing was shown for a while."""
        if state != self._state or self._services.base.clock.monotonic() - self._shown_at >= ALIVE_EVERY:
            await self.show(run_id, state)

    async def end(self, run_id: str, outcome: RunOutcome, reason: str | None) -> None:
        """End the run, unless it was ended elsewhere, or never begun. Raises HistoryUnavailable when the store was away
        for long."""
        body = RunEndBody(outcome=outcome, reason=reason)
        try:
            await patient(
                self._services.base.clock,
                lambda: self._services.runs.end(self._chat.principal, self._conversation, run_id, body),
            )
        except (Conflict, NotFound):
            return


__all__ = ["ALIVE_EVERY", "RunReport"]
