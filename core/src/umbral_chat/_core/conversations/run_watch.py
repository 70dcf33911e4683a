"""Watching over runs: ends those that are silent, settles ends that were left behind, and learns what no signal
said."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from umbral_chat._core.conversations.runs import RunRecord
from umbral_chat._core.conversations.shared_runs import SharedRuns
from umbral_chat.clock import Clock
from umbral_chat.errors import RequestError
from umbral_chat.model.runs import LOST
from umbral_chat.telemetry import Telemetry

SETTLE_GRACE = 10.0
"""Seconds after which another instance settles an end that is not settled: the one that ended the run has stopped
meanwhile, or its history did not answer."""

log = logging.getLogger(__name__)


class RunWatch:
    """Looks at all runs of the store again and again. Every instance does: compare-and-set decides which one ends a
    run."""

    def __init__(self, shared: SharedRuns, *, silence: float, telemetry: Telemetry, clock: Clock) -> None:
        self._shared = shared
        self._silence = silence
        self._clock = clock
        self._lost = telemetry.counter("umbral_chat.runs.ended").labels(LOST)

    async def run(self, interval: float) -> None:
        """Look every `interval` seconds, until cancelled."""
        while True:
            try:
                await self.look()
            except RequestError as error:
                log.debug("The runs were not read: %s", error.detail)
            except Exception:
                # A third party's store may raise anything, and runs must go on ending.
                log.exception("The runs were not read.")
            await self._clock.sleep(interval)

    async def look(self) -> None:
        """Look at all runs once. Raises HistoryUnavailable."""
        began = self._clock.monotonic()
        found = {one.record.conversation: one async for one in self._shared.records.scan() if one.record.runs}
        self._shared.board.scanned({name: (one.version, one.record.views) for name, one in found.items()}, began)
        for conversation, one in found.items():
            try:
                await self._look_after(conversation, one.record)
            except RequestError as error:
                log.debug("A run of %s was not ended: %s", conversation, error.detail)
            except Exception:
                # Whatever is wrong with one conversation, the runs of the others end.
                log.exception("A run of %s was not ended.", conversation)

    async def _look_after(self, conversation: str, record: RunRecord) -> None:
        for message_id in {run.message_id for run in record.runs if run.message_id is not None}:
            record = await self._store_sign_of_life(conversation, message_id, record)
        now = self._clock.now()
        if record.lose(now, self._silence)[1]:
            await self._end_silent(conversation, now)
        overdue = now - timedelta(seconds=SETTLE_GRACE)
        for run in record.runs:
            if run.end is not None and run.end.at <= overdue:
                await self._shared.settle(conversation, run)

    async def _store_sign_of_life(self, conversation: str, message_id: str, record: RunRecord) -> RunRecord:
        at = self._shared.signs_of_life.get((conversation, message_id))
        if at is None:
            return record
        oldest = min(run.alive_at for run in record.runs if run.message_id == message_id)
        if (at - oldest).total_seconds() < self._silence / 4:
            return record
        alive_at = at
        return await self._shared.change(conversation, lambda record: record.touch(message_id, alive_at))

    async def _end_silent(self, conversation: str, now: datetime) -> None:
        lost: list[str] = []

        def lose(record: RunRecord) -> RunRecord:
            nonlocal lost
            changed, lost = record.lose(now, self._silence)
            return changed

        record = await self._shared.change(conversation, lose)
        self._lost.add(len(lost))
        for run_id in lost:
            run = record.find(run_id)
            if run is not None:
                await self._shared.settle(conversation, run)


__all__ = ["SETTLE_GRACE", "RunWatch"]
