"""What channels and subscriptions work on: the parts of the service that a stream shows, and the hub's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from umbral_chat_streaming.metrics import StreamCounters

if TYPE_CHECKING:
    from umbral_chat.context import FeedService, Services
    from umbral_chat.drafts import DraftView
    from umbral_chat.model.receipts import Receipt
    from umbral_chat.model.runs import RunView
    from umbral_chat.model.signals import Mode
    from umbral_chat.providers.presence import PresenceState, Viewer

    from umbral_chat_streaming.settings import Streaming

log = logging.getLogger(__name__)


class HubParts:
    """The `SignalSource` of every channel, the counters, and the owner of the hub's tasks."""

    def __init__(self, services: Services, settings: Streaming, counters: StreamCounters) -> None:
        self.settings = settings
        self.counters = counters
        self.feeds: FeedService = services.feeds
        self._services = services
        self._presence = services.presence
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def mode(self) -> Mode:
        """How entries of other instances arrive."""
        return self._services.failover.mode

    def drafts(self, conversation: str) -> Sequence[DraftView]:
        """The drafts of a conversation."""
        return self._services.drafts.of(conversation)

    def runs(self, conversation: str) -> Sequence[RunView]:
        """The runs of a conversation that have not ended."""
        return self._services.runs.of(conversation)

    def readers(self, conversation: str) -> Sequence[Receipt]:
        """How far those have read who let others see it."""
        return self._services.receipts.of(conversation)

    def presence(self, conversation: str, viewer: Viewer) -> PresenceState | None:
        """Who is here and who types; None: nothing provides presence."""
        return None if self._presence is None else self._presence.state(conversation, viewer)

    def start(self, coroutine: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run `coroutine` in a task of the hub, whose failure is logged."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"streaming: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s ended: %s", task.get_name(), error, exc_info=error)


__all__ = ["HubParts"]
