"""What goes on with drafts in the background: what was added is saved, what others hold is read, silent ones are ended.
Every call of the store may fail, and is made again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable

from umbral_chat._core.conversations.draft_holding import IN_FLIGHT, HeldDrafts
from umbral_chat._core.conversations.draft_reaper import DraftReaper
from umbral_chat._core.conversations.draft_records import conversation_prefix, record_key
from umbral_chat._core.conversations.draft_store import DraftIndex, DraftStore, LoadedDraft, has_parts
from umbral_chat._core.conversations.drafts import Drafts
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, StoreError

TICK = 0.25
"""Seconds between two looks at the drafts held here: half of the interval at which they are published."""

REFRESH_SHARE, REFRESH_LEAST, REFRESH_MOST = 1 / 6, 0.5, 5.0
"""The index is read once in this share of the silence, within these bounds in seconds."""

SOON = 1.0
"""Seconds between two reads of the index when conversations are newly followed: it shows which have drafts."""

ENDED_AT_ONCE = 8
"""Silent drafts that are ended at once, after a restart with many of them."""

CLOSE_TIMEOUT = 2.0
"""Seconds in which what was not saved yet is saved at shutdown. A crash may come at any time anyway."""

log = logging.getLogger(__name__)


class DraftReconciler:
    """Keeps the drafts of this instance and those of the store in step."""

    def __init__(
        self,
        drafts: Drafts,
        store: DraftStore,
        reaper: DraftReaper,
        clock: Clock,
        *,
        instance: str,
        followed: Callable[[], Iterable[str]],
    ) -> None:
        self._drafts, self._store, self._reaper, self._clock = drafts, store, reaper, clock
        self._instance, self._followed = instance, followed
        self._tasks = Tasks("drafts")
        self.held = HeldDrafts(drafts, store, reaper, clock, instance=instance, tasks=self._tasks)
        self._over: dict[str, bool] = {}
        """Keys of records that are to be removed, and whether they have parts."""
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_at = float("-inf")
        self._wanted = False
        self._index = DraftIndex(frozenset(), frozenset())
        self._refresh_interval = min(max(REFRESH_SHARE * drafts.silence, REFRESH_LEAST), REFRESH_MOST)

    def over(self, key: str) -> None:
        """The message of a draft is in the log: what the store keeps of it is removed soon."""
        self.held.let_go(key)
        self._over[key] = True

    def follow(self, _conversation: str) -> None:
        """A conversation is newly followed here: its drafts are read soon."""
        self._wanted = True

    async def read(self, conversation: str) -> None:
        """Know the drafts of a conversation that other instances hold, as far as the store answers."""
        try:
            for found in await self._store.load_all(conversation):
                self._adopt(found)
        except (HistoryUnavailable, StoreError) as error:
            log.debug("The drafts of a conversation were not read: %s", error)

    async def run(self) -> None:
        """Save, refresh and end, until cancelled."""
        try:
            while True:
                self.tick()
                await self._clock.sleep(TICK)
        finally:
            await self._tasks.close()

    async def close(self) -> None:
        """Save what was not saved yet, as far as the store takes it in time."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.held.save_all()
        except (TimeoutError, HistoryUnavailable, StoreError) as error:
            log.warning("Some drafts were not saved at shutdown: %s", str(error) or "the store took too long")

    def tick(self) -> None:
        """Begin whatever is due. Never waits."""
        self._drafts.sweep()
        for key, text in self.held.look_after().items():
            self._over[key] = has_parts(text)
        while self._over and len(self._tasks) < IN_FLIGHT:
            key, long = self._over.popitem()
            self._tasks.start(self._remove(key, long=long), name="remove")
        self._pass_on_touches()
        now = self._clock.monotonic()
        age = now - self._refreshed_at
        due = age >= self._refresh_interval or (self._wanted and age >= SOON)
        if due and (self._refreshing is None or self._refreshing.done()):
            self._refreshed_at, self._wanted = now, False
            self._refreshing = self._tasks.start(self.refresh(), name="refresh")

    async def refresh(self) -> None:
        """Read the index: end the drafts that are silent, and read those of conversations that are followed here."""
        try:
            self._index = index = await self._store.index()
            silent = list(index.silent)
            random.shuffle(silent)  # so that instances do not all begin with the same one
            for start in range(0, len(silent), ENDED_AT_ONCE):
                batch = silent[start : start + ENDED_AT_ONCE]
                await asyncio.gather(*(self._reaper.end_if_silent(key) for key in batch))
            if index.keys:
                await self._read_followed(index)
        except HistoryUnavailable as error:
            log.debug("The drafts in the store were not looked at: %s", error)

    async def _read_followed(self, index: DraftIndex) -> None:
        followed = {conversation_prefix(conversation): conversation for conversation in self._followed()}
        living = index.keys - index.silent
        for prefix in {key.partition(".")[0] + "." for key in living} & followed.keys():
            conversation = followed[prefix]
            known = {record_key(conversation, draft.message_id) for draft in self._drafts.of(conversation)}
            if any(key.startswith(prefix) and key not in known for key in living):
                await self.read(conversation)

    def _adopt(self, found: LoadedDraft) -> None:
        """Know a draft that another instance holds, unless what is known is newer."""
        kept = found.kept
        draft = self._drafts.get(kept.conversation, kept.message_id)
        if draft is None or draft.fence < kept.fence or (not draft.held and len(draft.text) < len(found.text)):
            self._drafts.learn(kept.signal(found.text))

    def _pass_on_touches(self) -> None:
        for conversation, message_id in self._drafts.touched_elsewhere:
            key = record_key(conversation, message_id)
            known = key in self._index.keys or self._drafts.get(conversation, message_id) is not None
            if known and len(self._tasks) < IN_FLIGHT:
                self._tasks.start(self._pass_on(key), name="pass on")
        self._drafts.touched_elsewhere.clear()

    async def _pass_on(self, key: str) -> None:
        try:
            await self._store.mark_alive(key, self._instance, self._drafts.silence + self.held.lag)
        except HistoryUnavailable as error:
            log.debug("A sign of life of a draft was not passed on: %s", error)

    async def _remove(self, key: str, *, long: bool) -> None:
        try:
            await self._store.remove(key, long=long)
        except HistoryUnavailable as error:
            # It is listed: once it counts as silent it is found to have ended, and removed.
            log.debug("What was kept of a draft was not removed: %s", error)


__all__ = ["REFRESH_MOST", "TICK", "DraftReconciler"]
