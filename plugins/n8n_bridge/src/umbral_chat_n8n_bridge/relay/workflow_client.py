"""Calls of one chat's workflow, by whichever way n8n takes them: its webhook, or the WebSocket of an execution that
waits for the user. What n8n says about an answer that was lost is asked here, too."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_n8n_bridge.answers.chat_frames import answer_frame
from umbral_chat_n8n_bridge.answers.events import Ended, Event, Piece, SegmentBegun, SegmentEnded
from umbral_chat_n8n_bridge.answers.segments import SEGMENTS, Segments
from umbral_chat_n8n_bridge.executions.api import ExecutionsApi, ExecutionsUnavailable
from umbral_chat_n8n_bridge.executions.records import ENDED, answer_of
from umbral_chat_n8n_bridge.executions.search import ExecutionSearch, Finding, KnownRequests
from umbral_chat_n8n_bridge.relay.dialogs import ChatDialogs
from umbral_chat_n8n_bridge.relay.execution import CallEnd, WorkflowRequest
from umbral_chat_n8n_bridge.relay.held_execution import OVER, HeldExecution, RelayedRun
from umbral_chat_n8n_bridge.relay.late import LateAnswers
from umbral_chat_n8n_bridge.relay.run_report import RunReport

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.http_kit.outbound import CallUrl, OutboundClient

    from umbral_chat_n8n_bridge.chats import Chat
    from umbral_chat_n8n_bridge.files.uploaded import UploadedFile
    from umbral_chat_n8n_bridge.relay.messages import AnswerMessages
    from umbral_chat_n8n_bridge.relay.watch import RunObserver

log = logging.getLogger(__name__)

SETTLED = 10.0
"""Seconds after a loss before it is believed that no execution began: n8n may yet read what was sent."""

BUSY = 10.0
"""So many times as long as n8n takes to list its executions it may take to read what was sent, if that is longer."""

ASK_FIRST, ASK_LAST = 2.0, 30.0
"""Seconds between two questions to n8n's API: at first, and at most."""

Alive = Callable[[], Awaitable[None]]


class RunRequest(NamedTuple):
    """What is called, and for which run."""

    run: RelayedRun
    text: str
    """The user's text."""
    files: Sequence[UploadedFile]
    webhook: Callable[[], WorkflowRequest]
    """Makes the call of the webhook, where no execution waits for the text. It lets go of the files, which are in its
    body."""


class WorkflowClient:
    """Calls the workflow of one chat. A task runs `run`, beside the calls."""

    def __init__(self, chat: Chat, services: Services, webhook: CallUrl, client: OutboundClient) -> None:
        settings = chat.settings
        self._chat, self._services, self._client = chat, services, client
        self._api: ExecutionsApi | None = None
        if settings.api_url is not None and settings.api_key is not None:
            self._api = ExecutionsApi(client, settings.api_url, settings.api_key)
        # A name that no other instance has, and neither has this one after a restart.
        self.dialogs = ChatDialogs(chat, services, webhook, self._api, secrets.token_hex(8))
        self._late = LateAnswers(chat, services)
        self._known = KnownRequests()

    async def run(self) -> None:
        """What goes on beside the calls, until it is cancelled."""
        try:
            await self.dialogs.run()
        finally:
            await self._late.close()
            await self._client.close()

    async def call(self, request: RunRequest, messages: AnswerMessages, watch: RunObserver, alive: Alive) -> CallEnd:
        """Pass the user's text to the workflow, and write the answer. Raises what `AnswerMessages.apply` raises, and
        TryLater when another instance works on the conversation."""
        called_at = self._services.base.clock.now().timestamp()
        held = await self.dialogs.claim(request.run)
        if held is not None:
            answer = answer_frame(request.run.session, request.text, request.files)
            end = await self._exchange(held, request.run, messages, watch, alive, answer=answer)
            if end.ended.code != OVER:
                return end
        end = await request.webhook().run(messages, watch, alive, timeout=self._chat.settings.timeout)
        if end.ended.code == "started" and end.ended.execution_id is not None:
            token = None if end.ended.resume_token is None else end.ended.resume_token.reveal()
            opened = await self.dialogs.begin(request.run, end.ended.execution_id, token)
            return await self._exchange(opened, request.run, messages, watch, alive)
        if end.stopped:
            await self._stop(end, request.run, watch)
        elif end.ended.way == "unknown":
            return await self._settled(end, request.run, called_at, messages, watch, alive)
        return end

    @property
    def asks(self) -> bool:
        """Whether n8n can be asked how an execution ended."""
        return self._api is not None

    async def go_on(
        self,
        held: HeldExecution,
        run: RelayedRun,
        answer: str | None,
        messages: AnswerMessages,
        watch: RunObserver,
        alive: Alive,
    ) -> CallEnd:
        """Take up an execution in which a run was going on when its instance went: see `ChatDialogs.of_run`. `answer`:
        the frame of the user's, unless it was sent. Raises as `call` does."""
        return await self._exchange(held, run, messages, watch, alive, answer=answer)

    async def ask(
        self, run: RelayedRun, called_at: float, messages: AnswerMessages, watch: RunObserver, alive: Alive
    ) -> CallEnd:
        """How a run ended whose instance is gone, by what n8n says; `unknown` where that is not known. `called_at`:
        when n8n was called, in Unix seconds. Raises as `call` does."""
        return await self._settled(CallEnd(Ended("unknown", "outcome_unknown")), run, called_at, messages, watch, alive)

    async def _exchange(
        self,
        held: HeldExecution,
        run: RelayedRun,
        messages: AnswerMessages,
        watch: RunObserver,
        alive: Alive,
        *,
        answer: str | None = None,
    ) -> CallEnd:
        kept = False
        try:
            report = RunReport(self._chat, self._services, run.conversation)
            await report.show(run.run_id, "thinking", held.record.execution_id)
            end = await held.exchange(messages, watch, alive, timeout=self._chat.settings.timeout, answer=answer)
            if held.over:
                await self.dialogs.forget(held)
            elif end.stopped or end.ended.code == "timed_out":
                await self.dialogs.end(held)
            else:
                await self.dialogs.keep(run.conversation, held)
            kept = True
            return end
        finally:
            if not kept:
                await held.close()

    async def _stop(self, end: CallEnd, run: RelayedRun, watch: RunObserver) -> None:
        """The run was stopped from our side. A cancel stops the execution, where its id is known; else its answer is
        for the operators."""
        execution_id = self._reported(run)
        stopped = False
        if watch.stop == "cancelled" and self._api is not None and execution_id is not None:
            try:
                stopped = await self._api.stop(execution_id) == "stopped"
            except ExecutionsUnavailable:
                stopped = False
        if end.late is None:
            return
        if stopped or watch.stop not in {"cancelled", "handed_over"}:
            # n8n leaves the answer of an execution that was stopped open.
            await end.late.close()
        else:
            await self._late.take(run.conversation, run.run_id, end.late)

    async def _settled(
        self,
        end: CallEnd,
        run: RelayedRun,
        called_at: float,
        messages: AnswerMessages,
        watch: RunObserver,
        alive: Alive,
    ) -> CallEnd:
        """How the execution ended by what n8n says, which is asked until it is known, for `ask_for` seconds."""
        settings, clock = self._chat.settings, self._services.base.clock
        if self._api is None or settings.workflow_id is None:
            return end
        search = ExecutionSearch(
            self._api,
            settings.workflow_id,
            self._known,
            run_id=run.run_id,
            session=run.session,
            called_at=called_at,
            saved_by_default=settings.executions_saved,
        )
        began, backoff = clock.monotonic(), Backoff(initial=ASK_FIRST, maximum=ASK_LAST)
        while watch.stop is None:
            # Of the moment before: to look takes a while, and what it finds missing may have begun meanwhile.
            waited = clock.monotonic() - began
            try:
                finding = await search.look(self._reported(run))
            except ExecutionsUnavailable:
                finding = None
            settled = waited >= max(SETTLED, BUSY * search.answered_in)
            found = await self._end_by(finding, messages, settled=settled)
            if found is not None:
                return found
            left = began + settings.ask_for - clock.monotonic()
            if left <= 0:
                return end
            await alive()
            # The last look is at the end: n8n may have been away until then.
            await clock.sleep(min(backoff.next(), left))
        return CallEnd(Ended("unknown", watch.stop), stopped=True)

    async def _end_by(self, finding: Finding | None, messages: AnswerMessages, *, settled: bool) -> CallEnd | None:
        """The end that follows; None: it is not known yet."""
        if finding == "never_began":
            return CallEnd(Ended("never_began", "not_executed")) if settled else None
        if not isinstance(finding, dict):
            return None
        status, execution_id = finding.get("status"), str(finding.get("id"))
        if status not in ENDED:
            return None
        if status != "success":
            code = "execution_stopped" if status == "canceled" else "workflow_failed"
            return CallEnd(Ended("failed", code, execution_id))
        text = answer_of(finding)
        if text is None:
            return CallEnd(Ended("failed", "answer_lost", execution_id))
        await self._write_whole(text, messages)
        return CallEnd(Ended("text", "answered", execution_id))

    async def _write_whole(self, text: str, messages: AnswerMessages) -> None:
        """Write an answer as n8n has kept it: all of it, whatever came of it before. It is there already where only the
        end of n8n's HTTP answer was lost."""
        if text.strip() not in messages.texts:
            segments = Segments(self._services.base.settings.core.limits.content_chars)
            events = [*segments.begin(None), *segments.add(None, text), *segments.close()]
            await messages.apply([_behind(event) for event in events])
        messages.partial = 0

    def _reported(self, run: RelayedRun) -> str | None:
        """The execution's id, where the workflow has reported it by a progress of the run."""
        runs = self._services.runs.of(run.conversation)
        return next((one.execution_id for one in runs if one.run_id == run.run_id), None)


def _behind(event: Event) -> Event:
    """The event of a message that has another id than those of the answer that was lost."""
    match event:
        case SegmentBegun(number):
            return SegmentBegun(SEGMENTS + number)
        case Piece(number, text):
            return Piece(SEGMENTS + number, text)
        case SegmentEnded(number, failed):
            return SegmentEnded(SEGMENTS + number, failed)
        case _:
            return event


__all__ = ["ASK_FIRST", "ASK_LAST", "SETTLED", "RunRequest", "WorkflowClient"]
