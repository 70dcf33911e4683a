"""A channel: one conversation and everyone here who follows it by a stream. What is new is encoded once, and the same
bytes are written to all who keep up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from umbral_chat.errors import HistoryUnavailable, RequestError
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.providers.presence import Viewer
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_streaming.board import SeenSignals, SignalBoard
from umbral_chat_streaming.sink import FrameFormat
from umbral_chat_streaming.status import Closed, Opened, closed_by, encode_status

if TYPE_CHECKING:
    from datetime import datetime

    from umbral_chat_streaming.parts import HubParts
    from umbral_chat_streaming.subscription import Subscription

PAGE = 200
"""Most entries in one frame, and in one read of the log: as many as the tail cache keeps by default."""

FRAME_BYTES = 65_536
"""Bytes of entries after which a frame is full: as many as a connection buffers before it counts as slow (asyncio's
high-water mark), so that a frame at most doubles what a slow client costs, one long entry aside."""


class Group:
    """Subscribers that get the same bytes: on one edge, of one format, who may see the same."""

    __slots__ = ("edge", "format", "members", "seen", "viewer", "written")

    def __init__(self, edge: str, form: FrameFormat, viewer: Viewer) -> None:
        self.edge = edge
        self.format = form
        self.viewer = viewer
        self.members: set[Subscription] = set()
        self.seen = SeenSignals()
        self.written = asyncio.get_running_loop().time()
        """The loop's time of the newest frame to all of them, and at first of its making."""


class Channel:
    """`at` is where all who keep up stand, the members of the groups. Everyone else reads the log by itself."""

    __slots__ = (
        "_at",
        "_board",
        "_due",
        "_flushed",
        "_groups",
        "_loop",
        "_parts",
        "_reading",
        "_status",
        "_timer",
        "_version",
        "conversation",
        "follower",
        "subscriptions",
    )

    def __init__(self, parts: HubParts, conversation: str) -> None:
        self.conversation = conversation
        self.subscriptions: set[Subscription] = set()
        """All of them, those that catch up included."""
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self._groups: dict[tuple[FrameFormat, Viewer], Group] = {}
        self._board = SignalBoard(parts, conversation, parts.settings.roll_up)
        self._at = START
        self._flushed = -inf
        self._timer: asyncio.Handle | None = None
        self._due = inf
        self._reading: asyncio.Task[None] | None = None
        self.follower = parts.feeds.follow(conversation, self._on_change)
        self._version = self.follower.version
        self._status = self.status

    @property
    def status(self) -> tuple[str, datetime | None]:
        """What an open stream shows of the delivery: the mode, and since when the history does not answer."""
        return self._parts.mode, self.follower.stale_since

    def opened(self, cursor: Cursor) -> bytes:
        """The status of an open stream that stands at `cursor`, as JSON."""
        head = max(self.follower.cursor.seq, cursor.seq)
        return encode_status(
            Opened(mode=self._parts.mode, cursor=str(cursor), head=head, stale_since=self.follower.stale_since)
        )

    # who keeps up

    def join(self, subscription: Subscription) -> bool:
        """Take a subscription that has read up to the head among those that keep up. It is given the signals as they
        were sent. False: it has not, or did not take them."""
        if not self._groups:
            self._at = subscription.cursor
            self._board.refresh()
            self._status = self.status
        elif self._behind:
            self.flush()
        follower = self.follower
        at_head = follower.known and not follower.gone and _same(self._at, follower.cursor)
        if subscription.ended or not at_head or not _same(subscription.cursor, self._at):
            return False
        key = (subscription.sink.format, subscription.viewer)
        group = self._groups.get(key)
        if group is None:
            group = Group(subscription.edge, *key)
            for _ in self._board.see(group.seen, group.viewer):
                pass
        if not subscription.write(self._state(group, subscription)):
            return False
        self._groups[key] = group
        group.members.add(subscription)
        self._begin(follower.cursor)
        return True

    def drop(self, subscription: Subscription) -> None:
        """It does not keep up any more, or ended."""
        key = (subscription.sink.format, subscription.viewer)
        group = self._groups.get(key)
        if group is None or subscription not in group.members:
            return
        group.members.remove(subscription)
        subscription.stand(self._at, self._board.known)
        if not group.members:
            del self._groups[key]
        if not self._groups:
            # Whoever keeps up next stands elsewhere: what was read for those who left is not theirs.
            self._stop_reading()

    def close(self) -> None:
        """Nobody follows the conversation any more."""
        self.follower.close()
        self._cancel_timer()
        self._stop_reading()

    def tick(self, now: float) -> None:
        """Called about once a second: heartbeats to those who were sent nothing, and the end of staleness, which no
        change announces."""
        due = now - self._parts.settings.heartbeat
        for group in list(self._groups.values()):
            if group.written <= due and (beat := group.format.heartbeat()):
                self._write(group, beat)
        if self._status != self.status:
            self.flush()

    # what is new

    def flush(self) -> None:
        """Write what is due to all who keep up."""
        self._cancel_timer()
        if not self._groups:
            return
        entries = self._take() if self._behind else ()
        if entries:
            self._flushed = self._loop.time()
        self._send(entries, self.follower.cursor.epoch)
        if entries and self._behind:
            self._call(self._loop.time())  # there was more than fits in a frame
        else:
            # Entries are planned by the change that brings them: what is hidden now is not asked for in a loop.
            self._call(self._board.due(self._loop.time()))

    def _on_change(self) -> None:
        if self._version != self.follower.version:
            self._version = self.follower.version
            self._board.touch()
        if self._groups:  # whoever catches up looks for itself
            self._plan()

    def _plan(self) -> None:
        now = self._loop.time()
        due = self._board.due(now)
        if self._behind:
            due = min(due, max(now, self._flushed + self._parts.settings.gather))
        self._call(due)

    def _call(self, due: float) -> None:
        """Have `flush` called at `due`, or before."""
        if due >= self._due:
            return
        self._cancel_timer()
        self._due = due
        # Also what is due now waits for the end of this turn of the loop, so that all that comes in it leaves together.
        at_once = due <= self._loop.time()
        self._timer = self._loop.call_soon(self.flush) if at_once else self._loop.call_at(due, self.flush)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._due = None, inf

    @property
    def _behind(self) -> bool:
        """Whether memory shows another log than those who keep up have, and no read of it is under way for them."""
        return self._reading is None and (self.follower.gone or self.follower.cursor != self._at)

    def _take(self) -> Sequence[EncodedEntry]:
        """What follows `at` in memory. Where only a read can tell, that is started."""
        follower = self.follower
        found = follower.since(self._at, PAGE)
        if found is None:
            if follower.known:
                self._reading = self._parts.start(self._read(), name=f"channel of {self.conversation}")
            return ()
        if not found:
            self._begin(follower.cursor)  # the log begins, without an entry yet
        return bounded(found)

    async def _read(self) -> None:
        """Read the log for all who keep up: once, and not each of them."""
        backoff = Backoff(initial=0.1, maximum=5.0)
        try:
            while self._groups:
                try:
                    batch = await self._parts.feeds.read(self.conversation, self._at, PAGE)
                except HistoryUnavailable:
                    await asyncio.sleep(backoff.next())
                    continue
                self._send(page := bounded(batch.entries), batch.epoch)
                if not page or page[-1].seq >= batch.head:
                    break
        except RequestError as error:
            self._end(closed_by(error))
        finally:
            if self._reading is asyncio.current_task():
                self._reading = None
        self._plan()

    def _stop_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None and reading is not asyncio.current_task():
            reading.cancel()

    def _send(self, entries: Sequence[EncodedEntry], epoch: str | None) -> None:
        """Write these entries, and what else is due, to all who keep up."""
        due = self._board.take(self._loop.time(), entries)
        if entries and epoch is not None:
            self._begin(Cursor(epoch, entries[-1].seq))
        changed = self.status != self._status
        self._status = self.status
        encoded: dict[FrameFormat, bytes] = {}
        for group in list(self._groups.values()):
            form = group.format
            if form not in encoded:
                encoded[form] = self._encode(form, entries, due.common, with_status=changed)
            frame = encoded[form]
            if due.lists:
                lists = [form.signal(self.conversation, one) for one in self._board.see(group.seen, group.viewer)]
                frame = b"".join((*lists, frame))
            if frame:
                self._parts.counters.delivered(group.edge, len(entries) * len(group.members))
                self._write(group, frame)

    def _encode(
        self, form: FrameFormat, entries: Sequence[EncodedEntry], signals: Sequence[bytes], *, with_status: bool
    ) -> bytes:
        parts = [form.signal(self.conversation, one) for one in signals]
        if entries and self._at.epoch is not None:
            parts.append(form.entries(self.conversation, self._at.epoch, entries))
        if with_status:
            parts.append(form.status(self.conversation, self.opened(self._at)))
        self._parts.counters.frames.value += bool(parts)
        return b"".join(parts)

    def _begin(self, cursor: Cursor) -> None:
        """All who keep up now stand there."""
        begins, self._at = self._at.epoch is None and cursor.epoch is not None, cursor
        if begins:
            for subscription in list(self.subscriptions):
                subscription.check_epoch(str(cursor.epoch))

    def _write(self, group: Group, frame: bytes) -> None:
        group.written = self._loop.time()
        slow = [one for one in group.members if not one.sink.write(frame)]
        for one in slow:
            self.drop(one)
            one.fell_behind(len(frame))

    def _end(self, status: Closed) -> None:
        for group in list(self._groups.values()):
            for subscription in list(group.members):
                subscription.finish(status)

    def _state(self, group: Group, subscription: Subscription) -> bytes:
        """What a subscription that joins has not, or may have otherwise: signals whole, and the status."""
        form = group.format
        whole = self._board.whole(group.seen, subscription.drafts_known, again=subscription.joined)
        parts = [form.signal(self.conversation, one) for one in whole]
        if subscription.status_sent != self._status:
            subscription.status_sent = self._status
            parts.append(form.status(self.conversation, self.opened(self._at)))
        return b"".join(parts)


def bounded(entries: Sequence[EncodedEntry]) -> Sequence[EncodedEntry]:
    """As many of the first entries as fit in a frame, but at least one."""
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.json)
        if count and size > FRAME_BYTES:
            return entries[:count]
    return entries


def _same(one: Cursor, other: Cursor) -> bool:
    """Whether two cursors stand at the same place: that of the beginning has no epoch."""
    return one.seq == other.seq and (one.epoch == other.epoch or one.seq == 0)


__all__ = ["FRAME_BYTES", "PAGE", "Channel", "Group", "bounded"]
