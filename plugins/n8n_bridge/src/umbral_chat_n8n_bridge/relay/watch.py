"""Watching a conversation while a workflow runs for it: a hand-over, a cancel, and what the workflow writes itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET
from umbral_chat.errors import ConversationDeleted, CursorExpired, HistoryUnavailable, RequestError
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Entry, Message, Update, entry_decoder

from umbral_chat_n8n_bridge.chats import RUN_MARK

if TYPE_CHECKING:
    from umbral_chat.context import Services

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds after which it looks without having been notified: signals between instances may be lost."""

PAGE = 200

Stop = Literal["cancelled", "handed_over", "deleted", "interrupted"]

Judge = Callable[[Sequence[Entry]], Awaitable[bool]]
"""Is passed the entries that follow, and says whether they interrupt the run."""


def is_marked(entry: Entry, run_id: str, own: str) -> bool:
    """Whether it is a message of the run that the workflow wrote itself: a visitor's does not count, and neither do
    ours, whose ids begin with `own`."""
    return (
        isinstance(entry, Message)
        and entry.sender.role != "user"
        and (entry.metadata or {}).get(RUN_MARK) == run_id
        and not entry.message_id.startswith(own)
        and not (entry.client_id or "").startswith(own)
    )


class RunObserver:
    """What happens in the conversation beside the call. `news` is set at each change of it."""

    def __init__(
        self, services: Services, conversation: str, after: Cursor, run_id: str, judge: Judge | None = None
    ) -> None:
        self._services = services
        self._judge = judge
        self._conversation = conversation
        self._cursor = after
        self._run_id = run_id
        self._own = f"{run_id}."
        self._seen = False
        self.news = asyncio.Event()
        self.stop: Stop | None = None
        """Why the run is to end; None: it goes on."""
        self.answered = False
        """The workflow has written a message of the run itself."""
        self.ended = False
        """The run was ended elsewhere."""

    async def run(self) -> None:
        """Watch until `stop` is set."""
        feeds = self._services.feeds
        async with feeds.reading(self._conversation) as reader:
            while self.stop is None:
                version = reader.view.version
                try:
                    batch = await feeds.read(self._conversation, self._cursor, PAGE)
                except (ConversationDeleted, CursorExpired):
                    self._stop("deleted")
                    return
                except RequestError:
                    await self._services.base.clock.sleep(1.0)
                    continue
                entries = [entry_decoder.decode(one.json) for one in batch.entries]
                try:
                    interrupts = self._judge is not None and await self._judge(entries)
                except HistoryUnavailable:
                    await self._services.base.clock.sleep(1.0)
                    continue
                self._take(entries)
                if interrupts:
                    self._stop("interrupted")
                self._look_at_run()
                self._cursor = batch.cursor
                if batch.has_more:
                    continue
                if self._services.lifecycle.draining.is_set():
                    await asyncio.sleep(1.0)  # a reader does not wait any more
                else:
                    await reader.wait(self._cursor, version, LOOK_EVERY)

    async def look(self) -> bool:
        """Whether the workflow has written a message of the run itself, as the history has it now."""
        after = self._cursor.seq
        while not self.answered:
            page = await self._services.storage.history.read(self._conversation, after, PAGE)
            self._take_marks(page.entries)
            after += len(page.entries)
            if not page.entries or page.head is None or after >= page.head.seq:
                break
        return self.answered

    def _take(self, entries: Sequence[Entry]) -> None:
        self._take_marks(entries)
        responders = [one.changes.responder for one in entries if isinstance(one, Update)]
        # One that was handed over and back is the assistant's.
        if [one for one in responders if one is not UNSET][-1:] == ["human"]:
            self._stop("handed_over")

    def _take_marks(self, entries: Sequence[Entry]) -> None:
        if not self.answered and any(is_marked(one, self._run_id, self._own) for one in entries):
            self.answered = True
            self.news.set()

    def _look_at_run(self) -> None:
        run = next((one for one in self._services.runs.of(self._conversation) if one.run_id == self._run_id), None)
        if run is None:
            if self._seen and not self.ended:
                self.ended = True
                self.news.set()
            return
        self._seen = True
        if run.cancel_requested:
            self._stop("cancelled")

    def _stop(self, why: Stop) -> None:
        self.stop = self.stop or why
        self.news.set()


@asynccontextmanager
async def watching(
    services: Services, conversation: str, after: Cursor, run_id: str, judge: Judge | None = None
) -> AsyncIterator[RunObserver]:
    """A watch that runs in a task until the end of the `async with`. If it fails, the call goes on without."""
    watch = RunObserver(services, conversation, after, run_id, judge)
    task = asyncio.create_task(_logged(watch), name=f"n8n: watch {run_id}")
    try:
        yield watch
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _logged(watch: RunObserver) -> None:
    try:
        await watch.run()
    except Exception:
        log.exception("A run of n8n is not watched any more: it cannot be cancelled")


__all__ = ["LOOK_EVERY", "Judge", "RunObserver", "Stop", "is_marked", "watching"]
