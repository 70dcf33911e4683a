"""The drafts that are held here and their records: what was added is saved, and a draft that another instance took over
is let go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from umbral_chat._core.conversations.draft_reaper import DraftReaper
from umbral_chat._core.conversations.draft_records import KeptDraft
from umbral_chat._core.conversations.draft_store import DraftStore, LoadedDraft
from umbral_chat._core.conversations.drafts import Draft, Drafts
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, StoreError
from umbral_chat.transport_kit.backoff import Backoff

SAVE_INTERVAL, SAVE_BYTES = 1.0, 1_024
"""A draft is saved so many seconds after the last time, or once so many bytes were added: what a crash may cost."""

CONFIRMED_FOR = 2.0
"""Seconds after the last save in which a piece is taken without a look at the store: a draft that grows is saved more
often, so only the first piece after a pause costs it."""

ALIVE_SHARE, ALIVE_MOST = 0.1, 3.0
"""A sign of life is written at most once in this share of the silence, and these seconds. The mark is valid for as much
longer, so that a draft never ends early."""

LOOK_AGAIN = 1.0
"""Seconds until a draft is looked at again that shows no life here, but does elsewhere."""

IN_FLIGHT = 16
"""Tasks on behalf of drafts that run at once; what is due beyond that waits for the next tick."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class HeldDraft:
    """A draft that is held here, as the store has it."""

    kept: KeptDraft
    version: int
    text: str
    saved_at: float
    alive: float
    """The sign of life (monotonic time) that the store knows of."""
    alive_at: float
    """When that was written."""
    confirmed_at: float
    """When the store last showed that no other instance has taken it over."""
    unsaved: int = 0
    """Bytes that were added since."""
    busy: bool = False
    retry_at: float = float("-inf")
    pause: Backoff = field(default_factory=lambda: Backoff(initial=0.5, maximum=10.0))


class HeldDrafts:
    """Saves them in tasks of `tasks`, one at a time for each draft."""

    def __init__(
        self, drafts: Drafts, store: DraftStore, reaper: DraftReaper, clock: Clock, *, instance: str, tasks: Tasks
    ) -> None:
        self._drafts, self._store, self._reaper, self._clock = drafts, store, reaper, clock
        self._instance, self._tasks = instance, tasks
        self._held: dict[str, HeldDraft] = {}
        self.lag = min(ALIVE_SHARE * drafts.silence, ALIVE_MOST)
        """Seconds for which a mark of life is valid beyond the silence."""

    def hold(self, key: str, loaded: LoadedDraft) -> None:
        """The draft was written to the store and is held here from now on."""
        now = self._clock.monotonic()
        self._held[key] = HeldDraft(
            loaded.kept, loaded.version, loaded.text, saved_at=now, alive=now, alive_at=now, confirmed_at=now
        )

    def added(self, key: str, size: int) -> None:
        """So many bytes were added to a draft that is held here."""
        held = self._held.get(key)
        if held is not None:
            held.unsaved += size
            if held.unsaved >= SAVE_BYTES:
                self._save_soon(key, held)

    async def confirm(self, key: str) -> None:
        """Find out whether a draft that was not saved for a while is still held here: another instance may have taken
        it over without a signal that arrived. While the store does not answer it is."""
        held = self._held.get(key)
        if held is None or self._clock.monotonic() - held.confirmed_at < CONFIRMED_FOR:
            return
        try:
            version = await self._store.version(key)
            if version != held.version and not held.busy and self._held.get(key) is held:
                await self._catch_up(key, held)
        except (HistoryUnavailable, StoreError) as error:
            log.debug("Whether a draft is still held here was not found out: %s", error)
        else:
            held.confirmed_at = self._clock.monotonic()

    def let_go(self, key: str) -> None:
        """The draft is over."""
        self._held.pop(key, None)

    def look_after(self) -> dict[str, str]:
        """Begin to save, and to end, what is due. Returns those that are over, their texts by key."""
        now = self._clock.monotonic()
        over = {}
        for key, held in list(self._held.items()):
            draft = self._drafts.get(held.kept.conversation, held.kept.message_id)
            if draft is None or not draft.held or draft.fence != held.kept.fence:
                del self._held[key]
                if draft is None:  # its message is in the log, or the conversation was deleted
                    over[key] = held.text
            elif held.busy or now < held.retry_at or len(self._tasks) >= IN_FLIGHT:
                continue
            elif now - draft.touched >= self._drafts.silence:
                self._start(held, partial(self._end, key, held))
            elif self._is_due(held, draft, now):
                self._save_soon(key, held)
        return over

    async def save_all(self) -> None:
        """Save what was not saved yet. Raises HistoryUnavailable and StoreError."""
        await asyncio.gather(*(self._save(key, held) for key, held in list(self._held.items())))

    def _is_due(self, held: HeldDraft, draft: Draft, now: float) -> bool:
        if draft.text != held.text and (held.unsaved >= SAVE_BYTES or now - held.saved_at >= SAVE_INTERVAL):
            return True
        return draft.touched > held.alive and now - held.alive_at >= self.lag

    def _save_soon(self, key: str, held: HeldDraft) -> None:
        if not held.busy and self._clock.monotonic() >= held.retry_at and len(self._tasks) < IN_FLIGHT:
            self._start(held, partial(self._save, key, held))

    def _start(self, held: HeldDraft, work: Callable[[], Awaitable[None]]) -> None:
        held.busy = True
        self._tasks.start(self._guarded(held, work), name="keep")

    async def _guarded(self, held: HeldDraft, work: Callable[[], Awaitable[None]]) -> None:
        """Do one thing at a time with a draft, and pause after a failure."""
        try:
            await work()
        except (HistoryUnavailable, StoreError) as error:
            held.retry_at = self._clock.monotonic() + held.pause.next()
            log.debug("A draft was not saved, and is tried again: %s", error)
        else:
            held.pause.reset()
        finally:
            held.busy = False

    async def _save(self, key: str, held: HeldDraft) -> None:
        """Write a draft's text and sign of life, or find that another instance has it."""
        draft = self._drafts.get(held.kept.conversation, held.kept.message_id)
        if draft is None or not draft.held or draft.fence != held.kept.fence:
            return
        now, text, touched = self._clock.monotonic(), draft.text, draft.touched
        if touched > held.alive and now - held.alive_at >= self.lag:
            await self._store.mark_alive(key, self._instance, self._drafts.silence - (now - touched) + self.lag)
            held.alive, held.alive_at = touched, now
        if text == held.text:
            return
        unsaved = held.unsaved
        saved = await self._store.save(held.kept, text, expect=held.version, same=len(held.text))
        if saved is None:
            await self._catch_up(key, held)
        else:
            held.kept, held.version, held.text = saved.kept, saved.version, text
            held.saved_at = held.confirmed_at = now
            held.unsaved -= unsaved

    async def _catch_up(self, key: str, held: HeldDraft) -> None:
        """The record is not as this instance left it: find out why."""
        found = await self._store.load(key)
        if self._held.get(key) is not held:
            return  # taken anew meanwhile
        if found is None:
            # Its message is in the log, or is being erased.
            del self._held[key]
            self._drafts.drop(held.kept.conversation, held.kept.message_id, announce=False)
        elif found.kept.holder == self._instance and found.kept.fence == held.kept.fence and not found.kept.ending:
            # It is: the answer of the store was lost.
            held.kept, held.version, held.text = found.kept, found.version, found.text
        else:
            del self._held[key]
            self._drafts.adopt(found.kept.signal(found.text))

    async def _end(self, key: str, held: HeldDraft) -> None:
        outcome = await self._reaper.end_if_silent(key)
        if outcome == "alive":
            held.retry_at = self._clock.monotonic() + LOOK_AGAIN
        elif self._held.get(key) is held:
            del self._held[key]
            # Where the store has nothing, its entry is in the log and has not arrived here.
            self._drafts.drop(held.kept.conversation, held.kept.message_id, announce=False)


__all__ = ["CONFIRMED_FOR", "IN_FLIGHT", "SAVE_BYTES", "SAVE_INTERVAL", "HeldDraft", "HeldDrafts"]
