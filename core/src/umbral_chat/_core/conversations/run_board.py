"""The runs that this instance knows of, for readers that do not wait. It only calls the clock and `changed`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from umbral_chat.clock import Clock
from umbral_chat.model.runs import RunView
from umbral_chat.model.signals import RunSignal

ENDED_LIMIT = 4096
"""Ended runs that are remembered, of all conversations."""

SWEEP_INTERVAL = 0.25
"""Seconds between two looks at whose progress expired."""


class _Known(NamedTuple):
    version: int
    runs: tuple[RunView, ...]
    learned: float
    """Monotonic time at which the version was learned."""


class RunBoard:
    """Runs by conversation, each list with the version of the record that it was read from: only a newer one applies.

    It learns from changes of this instance, from signals of others, and from scans of the store, which make up for
    signals that were lost.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        changed: Callable[[str], None],
        reserved: Callable[[str, str], None] = lambda _conversation, _message_id: None,
    ) -> None:
        """`reserved` is called with the conversation and the message id of each run that is new and names one."""
        self._clock = clock
        self._changed = changed
        self._reserved = reserved
        self._known: dict[str, _Known] = {}
        self._ended: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._next_expiry: datetime | None = None

    def __len__(self) -> int:
        return sum(len(known.runs) for known in list(self._known.values()))  # also called from another thread

    def of(self, conversation: str) -> list[RunView]:
        """The runs of a conversation as they are now, the oldest first."""
        known = self._known.get(conversation)
        if known is None or not known.runs:
            return []
        now = self._clock.now()
        return [run.at(now) for run in known.runs]

    def learn(self, signal: RunSignal) -> None:
        """Apply what another instance published."""
        self.put(signal.conversation, signal.version, signal.runs)

    def put(self, conversation: str, version: int, runs: Sequence[RunView]) -> bool:
        """The conversation's runs in the record of this version; False: it is not newer than what is known."""
        known = self._known.get(conversation)
        if known is not None and known.version >= version:
            return False
        # A list without runs is kept, too, until a scan drops it: an older signal may still be under way.
        going_on = tuple(run for run in runs if not self._has_ended(conversation, run))
        found = _Known(version, going_on, self._clock.monotonic())
        self._known[conversation] = found
        self._expire_with(found.runs)
        before = () if known is None else known.runs
        if found.runs != before:
            self._changed(conversation)
        for message_id in {run.message_id for run in found.runs} - {run.message_id for run in before}:
            if message_id is not None:
                self._reserved(conversation, message_id)
        return True

    def scanned(self, found: Mapping[str, tuple[int, Sequence[RunView]]], began: float) -> None:
        """Apply a scan of the whole store that began at this monotonic time: what it did not find and was known before
        has no runs any more."""
        for conversation, (version, runs) in found.items():
            self.put(conversation, version, runs)
        for conversation, known in list(self._known.items()):
            if conversation not in found and known.learned < began:
                self.forget(conversation)

    def ended(self, conversation: str, run_id: str, at: datetime | None) -> None:
        """The log has the end of this run, of that time (None: of now): no reader gets that and, beside it, that the
        run goes on. A run of the same id that began later goes on."""
        # Remembered, since a signal from before the end may arrive after its entry.
        self._ended[conversation, run_id] = self._clock.now() if at is None else at
        self._ended.move_to_end((conversation, run_id))
        if len(self._ended) > ENDED_LIMIT:
            self._ended.popitem(last=False)
        known = self._known.get(conversation)
        if known is None:
            return
        left = tuple(run for run in known.runs if not self._has_ended(conversation, run))
        if len(left) < len(known.runs):
            self._known[conversation] = known._replace(runs=left)
            self._changed(conversation)

    def _has_ended(self, conversation: str, run: RunView) -> bool:
        at = self._ended.get((conversation, run.run_id))
        return at is not None and run.started_at <= at

    def forget(self, conversation: str) -> None:
        """Drop what is known of a conversation, such as one that was deleted."""
        known = self._known.pop(conversation, None)
        if known is not None and known.runs:
            self._changed(conversation)

    async def run(self) -> None:
        """Sweep, until cancelled."""
        while True:
            await self._clock.sleep(SWEEP_INTERVAL)
            self.sweep()

    def sweep(self) -> None:
        """Notify the readers of runs whose progress just expired."""
        if self._next_expiry is None or (now := self._clock.now()) < self._next_expiry:
            return
        due, self._next_expiry = self._next_expiry, None
        for conversation, known in list(self._known.items()):
            times = [run.expires_at for run in known.runs if run.expires_at is not None]
            if any(due <= at <= now for at in times):
                self._changed(conversation)
            self._expire_with(known.runs)

    def _expire_with(self, runs: Sequence[RunView]) -> None:
        now = self._clock.now()
        times = [run.expires_at for run in runs if run.expires_at is not None and run.expires_at > now]
        if times:
            first = min(times)
            self._next_expiry = first if self._next_expiry is None else min(self._next_expiry, first)


__all__ = ["RunBoard"]
