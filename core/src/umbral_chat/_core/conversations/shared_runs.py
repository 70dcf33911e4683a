"""The runs as all instances share them: each change is written to the store, then shown to readers here and
elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from umbral_chat._core.conversations.run_board import RunBoard
from umbral_chat._core.conversations.run_entries import RunEntries
from umbral_chat._core.conversations.run_records import RunRecords, VersionedRuns
from umbral_chat._core.conversations.run_typing import RunTyping
from umbral_chat._core.conversations.runs import RunRecord, SettledRun, StoredRun
from umbral_chat._core.runtime.lru import Lru
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.runs import RunEnded
from umbral_chat.model.signals import RunSignal

SIGNS_LIMIT = 4096
"""Signs of life of messages that wait to be stored."""

log = logging.getLogger(__name__)


class SharedRuns:
    """Changes runs and settles their ends. Every method raises HistoryUnavailable."""

    def __init__(
        self,
        records: RunRecords,
        entries: RunEntries,
        *,
        board: RunBoard,
        typing: RunTyping,
        publish: Callable[[RunSignal], None],
    ) -> None:
        self.records = records
        self.board = board
        self.signs_of_life: Lru[tuple[str, str], datetime] = Lru(SIGNS_LIMIT)
        """When a piece of a message with a run arrived here, by conversation and message id. It is stored later, and
        seldom."""
        self._entries = entries
        self._typing = typing
        self._publish = publish

    async def change(self, conversation: str, change: Callable[[RunRecord], RunRecord]) -> RunRecord:
        """Apply `change`, which may be called several times, and show the result. Raises what `change` raises."""
        found = await self.records.change(conversation, change)
        self._show(conversation, found)
        return found.record

    async def settle(self, conversation: str, run: StoredRun) -> RunEnded | None:
        """Have the log show the end of a run that left no message, and forget the run; None: it has not ended.

        Each step may be repeated, by any instance, so whoever stops in the middle leaves nothing that cannot be done
        again: an entry that is written is found by its key.
        """
        if run.end is None:
            return None
        seq = None
        try:
            seq = await self._entries.write(conversation, run)
        except ConversationDeleted:
            log.debug("A run of a deleted conversation ended.")
        end = run.end
        ended = RunEnded(run_id=run.run_id, outcome=end.outcome, reason=end.reason, ended_at=end.at, seq=seq)
        # Before the run leaves its record: at no moment is it in neither.
        await self.records.settle(conversation, SettledRun(run.fingerprint, ended))
        await self.change(conversation, lambda record: record.without(run.run_id))
        return ended

    async def forget(self, conversation: str) -> None:
        """The conversation was deleted: nothing of its runs is left."""
        self.board.forget(conversation)
        self._show(conversation, await self.records.forget(conversation))

    def _show(self, conversation: str, found: VersionedRuns) -> None:
        views, before = found.record.views, self.board.of(conversation)
        # Published also where nothing differs: a producer that goes on makes up for a signal that was lost.
        self._publish(RunSignal(conversation=conversation, version=found.version, runs=list(views)))
        if self.board.put(conversation, found.version, views):
            writing = {run.run_id for run in views if run.state == "writing"}
            for run in before:
                if run.run_id not in writing:
                    self._typing.stopped(conversation, run, views)


__all__ = ["SIGNS_LIMIT", "SharedRuns"]
