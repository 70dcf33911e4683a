"""Instances of the runs alone, on one store, each with what it published and put into the log."""

from __future__ import annotations

from typing import Any

from umbral_chat._core.conversations.appending import Appender
from umbral_chat._core.conversations.run_board import RunBoard
from umbral_chat._core.conversations.run_entries import RunEntries
from umbral_chat._core.conversations.run_records import RunRecords
from umbral_chat._core.conversations.run_service import Runs
from umbral_chat._core.conversations.run_typing import RunTyping
from umbral_chat._core.conversations.run_watch import RunWatch
from umbral_chat._core.conversations.shared_runs import SharedRuns
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.settings.sections import Limits
from umbral_chat.clock import Clock
from umbral_chat.model.entries import Entry, Run, Sender
from umbral_chat.model.runs import CancelBody, ProgressBody, RunBody, RunEndBody, RunEnded, RunProgress, RunStarted
from umbral_chat.model.signals import RunSignal, Writer
from umbral_chat.model.writes import Appended, WriteMessage
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import Storage
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing.storage import read_all

SILENCE = 900.0

N8N = Principal(kind="key", subject="key:n8n", rights=frozenset({"read", "send", "send_as"}))
MODERATOR = Principal(kind="key", subject="key:desk", rights=frozenset({"read", "send", "moderate"}))
ADA = Principal(kind="token", subject="ada", rights=frozenset({"read", "send"}))
EVE = Principal(kind="token", subject="eve", rights=frozenset({"read", "send"}))


class Instance:
    """The runs of one process."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.storage, self.clock = storage, clock
        self.published: list[RunSignal] = []
        self.logged: list[LogChange] = []
        self.alive: list[tuple[str, str]] = []
        self.changed: list[str] = []
        self.reserved: list[tuple[str, str]] = []
        telemetry, bus, typing = Telemetry(None), Bus(), RunTyping(None)
        bus.subscribe(self.logged.append)
        self.board = RunBoard(clock, changed=self.changed.append, reserved=lambda *of: self.reserved.append(of))
        self.entries = RunEntries(storage.history, Appender(storage.history, bus, telemetry))
        self.shared = SharedRuns(
            RunRecords(storage.store, clock),
            self.entries,
            board=self.board,
            typing=typing,
            publish=self.published.append,
        )
        self.watch = RunWatch(self.shared, silence=SILENCE, telemetry=telemetry, clock=clock)
        self.runs = Runs(
            self.shared,
            storage.history,
            typing=typing,
            alive=lambda *of: self.alive.append(of),
            reserve=self._reserve,
            limits=Limits(),
            telemetry=telemetry,
            clock=clock,
        )

    async def _reserve(self, conversation: str, message_id: str, writer: Writer) -> None:
        """No draft stands in the way: there are none here."""

    async def start(self, run_id: str | None = "r1", *, conversation: str = "room", **body: Any) -> RunStarted:
        return await self.runs.start(N8N, conversation, RunBody(run_id=run_id, **body))

    async def progress(self, state: Any, run_id: str = "r1", **body: Any) -> RunProgress:
        return await self.runs.progress(N8N, "room", run_id, ProgressBody(state=state, **body))

    async def end(self, outcome: Any = "completed", run_id: str = "r1", reason: str | None = None) -> RunEnded:
        return await self.runs.end(N8N, "room", run_id, RunEndBody(outcome=outcome, reason=reason))

    async def cancel(self, principal: Principal, run_id: str = "r1", reason: str | None = None) -> RunProgress:
        return await self.runs.cancel(principal, "room", run_id, CancelBody(reason=reason))

    async def send(self, content: str = "hello", sender: Sender | None = None, **more: Any) -> Appended:
        return await self.storage.history.append(
            WriteMessage(
                conversation="room",
                subject="key:n8n",
                sender=sender or Sender(role="assistant"),
                content=content,
                **more,
            )
        )

    def shown(self, conversation: str = "room") -> list[tuple[str, str]]:
        return [(run.run_id, run.state) for run in self.runs.of(conversation)]

    async def log(self, conversation: str = "room") -> list[Entry]:
        return await read_all(self.storage.history, conversation)

    async def ends(self) -> list[tuple[str, str, str | None]]:
        """The entries that runs left."""
        return [(one.run_id, one.outcome, one.reason) for one in await self.log() if isinstance(one, Run)]


__all__ = ["ADA", "EVE", "MODERATOR", "N8N", "SILENCE", "Instance"]
