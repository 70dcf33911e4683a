"""A subscription: one client's cursor in one conversation. While the client keeps up it is only a member of a group;
else, and at first, it reads the log from its cursor until it has caught up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from umbral_chat.errors import HistoryUnavailable, RequestError
from umbral_chat.feed import EncodedEntry, ReaderPermit
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.presence import viewer
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_streaming.channel import PAGE, Channel, bounded
from umbral_chat_streaming.sink import Sink
from umbral_chat_streaming.status import Closed, closed, closed_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from umbral_chat.providers.auth import Principal

    from umbral_chat_streaming.parts import HubParts

log = logging.getLogger(__name__)

BUFFERED = 65_536
"""Bytes that a connection holds at least when it counts as slow: asyncio's high-water mark."""


class Subscription:
    """Made by `Hub.open`, started by `Opening.start`. The edge calls `end` when the client has left; everything else,
    the end by the service included, is the hub's."""

    __slots__ = (
        "_ended",
        "_parts",
        "_permit",
        "_task",
        "_unsent",
        "_writable",
        "channel",
        "cursor",
        "drafts_known",
        "edge",
        "ended",
        "ends_at",
        "expires_at",
        "joined",
        "principal",
        "sink",
        "status_sent",
        "viewer",
        "written",
    )

    def __init__(
        self,
        parts: HubParts,
        channel: Channel,
        principal: Principal,
        sink: Sink,
        cursor: Cursor,
        *,
        edge: str,
        permit: ReaderPermit | None,
        ended: Callable[[Subscription, str], None],
    ) -> None:
        self._parts = parts
        self._permit = permit
        self._ended = ended
        self._task: asyncio.Task[None] | None = None
        self._writable = True
        self._unsent = 0
        self.channel = channel
        self.principal = principal
        self.viewer = viewer(principal)
        self.sink = sink
        self.cursor = cursor
        """Where it stood when it last caught up by itself: while it keeps up, the channel knows where it stands."""
        self.edge = edge
        self.ended = False
        self.joined = False
        """Whether it kept up at least once."""
        self.drafts_known: frozenset[str] = frozenset()
        """The messages of the drafts that it had when it fell behind."""
        self.status_sent: object = None
        self.ends_at = inf
        """The loop's time at which its connection has lived long enough."""
        self.expires_at = inf
        """Unix time at which its credentials expire."""
        self.written = -inf
        """The loop's time of the newest frame to it alone."""

    # by the hub

    def start(self) -> None:
        """Begin to read. What memory has is written at once; for the rest a task is started."""
        try:
            caught_up = self._advance()
        except RequestError as error:
            self.finish(closed_by(error))
            return
        if not caught_up and not self.ended:
            self._task = self._parts.start(self._catch_up(), name=f"subscription to {self.channel.conversation}")

    def write(self, frame: bytes) -> bool:
        """Write a frame to it alone; False: it does not keep up."""
        if not frame:
            return True
        self.written = asyncio.get_running_loop().time()
        if self.sink.write(frame):
            return True
        self._suspend(len(frame))
        return False

    def stand(self, cursor: Cursor, drafts: frozenset[str]) -> None:
        """It leaves the group: from here on it knows by itself where it stands."""
        self.cursor, self.drafts_known = cursor, drafts

    def fell_behind(self, size: int) -> None:
        """Its connection did not take the newest frame, of `size` bytes, in time: it reads the log from its cursor."""
        self._parts.counters.slow.value += 1
        self._suspend(size)
        if not self.ended:
            self._task = self._parts.start(self._catch_up(), name=f"subscription to {self.channel.conversation}")

    def beat(self, due: float) -> None:
        """Send a heartbeat if it reads by itself, has been sent nothing since `due`, and takes it."""
        if self._task is not None and self._writable and self.written <= due:
            self.write(self.sink.format.heartbeat())

    def check_epoch(self, epoch: str) -> None:
        """The log is of this epoch: end it if it is bound to another."""
        try:
            check_epoch(self.principal, self.channel.conversation, epoch)
        except RequestError as error:
            self.finish(closed_by(error))

    # ends

    def end(self) -> None:
        """The client has left. A second time, or after the service ended it, nothing happens."""
        self._leave("left")

    def finish(self, status: Closed) -> None:
        """End it by the service's decision, with this last event."""
        if not self.ended:
            self._leave(status.code)
            self.sink.close(status)

    def _leave(self, code: str) -> None:
        if self.ended:
            return
        self.ended = True
        self.channel.drop(self)
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self._parts.counters.unsent -= self._unsent
        self._unsent = 0
        if self._permit is not None:
            self._permit.close()
        self._ended(self, code)

    # reading by itself

    async def _catch_up(self) -> None:
        counters = self._parts.counters
        counters.suspended += 1
        try:
            await self._read()
        except ConnectionError:
            self.end()
        except TimeoutError:
            self.finish(closed("slow_consumer", "The client read nothing for too long (core.limits.write_timeout)."))
        except RequestError as error:
            self.finish(closed_by(error))
        except Exception:
            log.exception("a stream of %s ended", self.channel.conversation)
            self.finish(closed("unavailable", "The service failed to read on for this stream.", retry=1.0))
        finally:
            counters.suspended -= 1
            if self._task is asyncio.current_task():
                self._task = None

    async def _read(self) -> None:
        backoff = Backoff(initial=0.02, maximum=5.0)
        while not self.ended:
            if not self._writable:
                await self.sink.drained()
                self._resume()
            if self._advance():
                return
            if self._writable and not await self._read_page():
                # The history does not answer, or those who keep up stand elsewhere for a moment.
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()

    def _advance(self) -> bool:
        """Go as far as memory and the connection allow; whether it has caught up, and is a member of a group again."""
        follower = self.channel.follower
        while self._writable and not self.ended:
            entries = follower.since(self.cursor, PAGE)
            if entries is None:
                return False
            epoch = follower.cursor.epoch
            check_epoch(self.principal, self.channel.conversation, epoch)
            if entries and epoch is not None:
                self._pass_on(entries, epoch)
            elif self.channel.join(self):
                self.joined = True
                return True
            else:
                return False
        return False

    async def _read_page(self) -> bool:
        """Read what memory has not. Whether there was something. Raises what ends the stream."""
        if self.channel.follower.since(self.cursor, PAGE) is not None:
            return False
        try:
            batch = await self._parts.feeds.read(self.channel.conversation, self.cursor, PAGE)
        except HistoryUnavailable:
            return False
        check_epoch(self.principal, self.channel.conversation, batch.epoch)
        if not batch.entries or batch.epoch is None:
            return False
        if not self.ended:
            self._pass_on(batch.entries, batch.epoch)
        return True

    def _pass_on(self, entries: Sequence[EncodedEntry], epoch: str) -> None:
        page = bounded(entries)
        self.cursor = Cursor(epoch, page[-1].seq)
        self._parts.counters.delivered(self.edge, len(page))
        self.write(self.sink.format.entries(self.channel.conversation, epoch, page))

    def _suspend(self, size: int) -> None:
        self._writable = False
        counters = self._parts.counters
        self._unsent = BUFFERED + size
        counters.unsent += self._unsent
        if counters.unsent > self._parts.settings.unsent_bytes:
            self.finish(closed("slow_consumer", "Too much waits for slow clients here (streaming.unsent_bytes)."))

    def _resume(self) -> None:
        self._writable = True
        self._parts.counters.unsent -= self._unsent
        self._unsent = 0


__all__ = ["BUFFERED", "Subscription"]
