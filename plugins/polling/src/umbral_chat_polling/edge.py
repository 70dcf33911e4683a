"""The edge `poll`: `GET /v1/conversations/{id}/events`, at once or when something comes."""

from __future__ import annotations

import random
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.errors import CursorExpired, HistoryUnavailable, RequestError
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.providers.presence import DEVICE, person, viewer

from umbral_chat_polling.answer import body
from umbral_chat_polling.cadence import long_poll, poll_after, poll_after_drain
from umbral_chat_polling.disconnect import watched
from umbral_chat_polling.document import PATH, events_documented
from umbral_chat_polling.etag import etag, knows_signals, matches
from umbral_chat_polling.query import Query, query_parser
from umbral_chat_polling.snapshot import Snapshots
from umbral_chat_polling.told import Told

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from litestar.handlers import ASGIRouteHandler
    from litestar.types import Receive, Scope, Send
    from umbral_chat.context import Services
    from umbral_chat.drafts import DraftView
    from umbral_chat.feed import Batch, Reader, View
    from umbral_chat.providers.auth import Principal
    from umbral_chat.providers.presence import PersonTyping, PresenceList

    from umbral_chat_polling.settings import Polling

SIGNALS_EVERY = 1.0
"""Seconds between two answers of long polls that tell of nothing but signals: somebody who types would else keep
every client in a loop of requests."""

INTEREST_EVERY = 1.0
"""Seconds between two questions to presence on behalf of those who are told nothing of it: it stays interested in a
conversation for 10 s, and asking at each poll would take an eighth of one's time."""

NOT_SHARED = (b"cache-control", b"private, no-cache")


class Ask(NamedTuple):
    """One request. `known` is the ETag of what the client has, as it was sent."""

    principal: Principal
    conversation: str
    query: Query
    known: str | None


class PollEdge:
    """Answers polls and long polls from the feeds. It keeps nothing of a client but its open request."""

    def __init__(self, services: Services, settings: Polling) -> None:
        self._settings = settings
        self._feeds = services.feeds
        self._drafts = services.drafts
        self._failover = services.failover
        self._presence = services.presence
        self._clock = services.base.clock
        self._draining = services.lifecycle.draining
        history, telemetry = services.storage.history, services.base.telemetry
        # Whoever polls is back within the longest pause, so for that long one read answers all of them.
        kept = settings.max_interval
        snapshot = settings.sync_strategy == "snapshot"
        self._snapshots = Snapshots(history, telemetry, keep=kept) if snapshot else None
        self._parse = query_parser(settings.batch_size)
        self._random = random.Random()  # noqa: S311 - spreads load, guards nothing
        polls = services.base.telemetry.counter("umbral_chat.polls")
        self._new, self._empty = polls.labels("new"), polls.labels("empty")
        self._long_new, self._long_empty = polls.labels("long_new"), polls.labels("long_empty")
        self._unchanged, self._error = polls.labels("304"), polls.labels("error")
        self._delivered = services.base.telemetry.counter("umbral_chat.deliveries").labels("poll")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Raises what the query, the feeds and the principal's epoch raise: RequestErrors."""
        try:
            ask = Ask(
                asgi.principal(scope),
                asgi.conversation(scope),
                self._parse(scope["query_string"]),
                asgi.header(scope, b"if-none-match"),
            )
            if ask.query.wait and not self._draining.is_set():
                await self._long_poll(ask, scope, receive, send)
            elif ask.known is not None and (unchanged := self._unchanged_headers(ask)) is not None:
                self._unchanged.value += 1
                self._renew(ask)
                await asgi.send_empty(send, 304, unchanged)
            else:
                batch = await self._read(ask)
                counter = self._new if batch.entries else self._empty
                counter.value += 1
                self._renew(ask)
                await self._send(ask, batch, send)
        except RequestError:
            self._error.value += 1
            raise
        except ConnectionAbortedError:
            return  # nobody is left to answer

    async def _long_poll(self, ask: Ask, scope: Scope, receive: Receive, send: Send) -> None:
        batch = await self._read(ask)
        if batch.entries:
            self._renew(ask)
        elif (disconnect := asgi.server_disconnect(scope)) is not None:
            batch = await self._follow(ask, batch, disconnect)
        else:
            async with watched(receive) as disconnect:
                batch = await self._follow(ask, batch, disconnect)
        if batch.entries:
            self._long_new.value += 1
        else:
            self._long_empty.value += 1
            unchanged = None if self._draining.is_set() else self._unchanged_headers(ask)
            if unchanged is not None:
                await asgi.send_empty(send, 304, unchanged)
                return
        await self._send(ask, batch, send)

    async def _follow(self, ask: Ask, batch: Batch, disconnect: asgi.Disconnect) -> Batch:
        async with self._feeds.reading(ask.conversation, ask.principal) as reader:
            with self._holding(ask):
                await self._wait(ask, batch, reader, disconnect)
            return await self._read(ask)

    async def _wait(self, ask: Ask, batch: Batch, reader: Reader, disconnect: asgi.Disconnect) -> None:
        """Until there is an entry, a signal that is due, the end of the service, or nothing for long enough."""
        seconds = long_poll(ask.query.wait, self._random.random(), longest=self._settings.long_poll_timeout)
        if ask.principal.expires_at is not None:
            # Who waits past the end of its token would be told what it may not know any more.
            seconds = min(seconds, max(0.0, ask.principal.expires_at - self._clock.now().timestamp()))
        version = reader.view.version
        # What a client has to learn besides entries is told as signals are: not at once, but before long.
        overdue = (
            batch.stale_since is not None
            or not knows_signals(ask.known, self._failover.mode, version)
            or not self._knows(ask, reader.view)
        )
        await reader.wait(batch.cursor, None, min(seconds, SIGNALS_EVERY), disconnect)
        if seconds > SIGNALS_EVERY and not overdue:
            await reader.wait(batch.cursor, version, seconds - SIGNALS_EVERY, disconnect)

    async def _read(self, ask: Ask) -> Batch:
        principal, conversation = ask.principal, ask.conversation
        try:
            batch = await self._feeds.read(conversation, ask.query.after, ask.query.limit)
        except CursorExpired:
            # Bound to a log that is no more, starting over would not help it.
            if (view := self._feeds.peek(conversation)) is not None:
                check_epoch(principal, conversation, view.epoch)
            raise
        check_epoch(principal, conversation, batch.epoch)
        return batch

    def _unchanged_headers(self, ask: Ask) -> asgi.Headers | None:
        """The whole 304, if the client has what an answer would say. No wait, no read."""
        view = self._feeds.peek(ask.conversation)
        if view is None or view.merge.gone:
            return None
        tag = self._tag(ask, view)
        if not matches(ask.known, tag) or not self._knows(ask, view):
            return None
        check_epoch(ask.principal, ask.conversation, view.epoch)
        pause = self._pause(ask, view, writing=bool(self._drafts.of(ask.conversation)))
        return [NOT_SHARED, (b"etag", tag), (b"poll-after-ms", b"%d" % pause)]

    async def _send(self, ask: Ask, batch: Batch, send: Send) -> None:
        lines, cursor, head, messages = batch.entries, batch.cursor, batch.head, None
        await self._meet(ask, batch)
        if self._snapshots is not None and batch.stale_since is None:
            snapshot = await self._snapshots.read(ask.conversation, Cursor(batch.epoch, head), ask.query.limit)
            cursor = START if snapshot.head is None else Cursor(snapshot.head.epoch, snapshot.head.seq)
            check_epoch(ask.principal, ask.conversation, cursor.epoch)
            lines, head, messages = [], cursor.seq, snapshot.messages
        view = None if batch.stale_since is not None else self._feeds.peek(ask.conversation)
        drafts, typing, presence = self._state(ask)
        data = body(
            lines=lines,
            cursor=cursor,
            head=head,
            poll_after_ms=0 if cursor.seq < head else self._pause(ask, view, writing=bool(drafts)),
            mode=self._failover.mode,
            told=Told.of(drafts, typing),
            presence=presence,
            known_presence=ask.query.presence,
            stale_since=batch.stale_since,
            messages=messages,
        )
        headers = [NOT_SHARED]
        if view is not None and (view.epoch, view.head) == (batch.epoch, head):
            headers.append((b"etag", self._tag(ask, view)))
        self._delivered.value += len(lines)
        await asgi.send_json(send, 200, data, headers)

    def _state(self, ask: Ask) -> tuple[list[DraftView], list[PersonTyping], PresenceList | None]:
        """What there is to tell besides entries. Asking keeps this instance interested in what others know of the
        conversation, so it is done where nothing will be told, too."""
        drafts = self._drafts.of(ask.conversation)
        if self._presence is None:
            return drafts, [], None
        state = self._presence.state(ask.conversation, viewer(ask.principal))
        return drafts, state.typing, state.presence

    def _knows(self, ask: Ask, view: View) -> bool:
        """Whether the client has the signals and the presence list of now, as far as it said what it has."""
        query = ask.query
        if query.signals is None and query.presence is None and view.last_used - view.interest < INTEREST_EVERY:
            return True
        view.interest = view.last_used
        drafts, typing, presence = self._state(ask)
        if query.signals is not None and query.signals != Told.of(drafts, typing).version:
            return False
        return query.presence is None or presence is None or query.presence == presence.version

    async def _meet(self, ask: Ask, batch: Batch) -> None:
        """A client that comes anew is told who is at other instances, too, if that can be known now."""
        if self._presence is None or batch.stale_since is not None or (ask.known or ask.query.presence) is not None:
            return
        with suppress(HistoryUnavailable):
            await self._presence.settled(ask.conversation)

    def _renew(self, ask: Ask) -> None:
        if self._presence is not None and self._settings.holds_presence:
            self._presence.renew(ask.conversation, person(ask.principal), ask.query.device or DEVICE)

    def _holding(self, ask: Ask) -> AbstractContextManager[None]:
        if self._presence is None or not self._settings.holds_presence:
            return nullcontext()
        return self._presence.holding(ask.conversation, person(ask.principal), ask.query.device or DEVICE)

    def _pause(self, ask: Ask, view: View | None, *, writing: bool) -> int:
        """Milliseconds until the client should poll again. What it is ready to wait inside a poll is taken off."""
        lowest, highest = self._settings.min_interval, self._settings.max_interval
        if self._draining.is_set():
            return round(1000 * poll_after_drain(self._random.random(), lowest=lowest))
        if view is None:
            return round(1000 * highest)
        silence = self._clock.monotonic() - (view.since if view.last_activity is None else view.last_activity)
        pause = poll_after(silence, writing=writing, lowest=lowest, highest=highest)
        return round(1000 * max(0.0, pause - ask.query.wait))

    def _tag(self, ask: Ask, view: View) -> bytes:
        return etag(
            subject=ask.principal.author,
            after=ask.query.after,
            limit=ask.query.limit,
            strategy=self._settings.sync_strategy,
            epoch=view.epoch,
            head=view.head,
            redaction=view.redaction,
            mode=self._failover.mode,
            version=view.version,
        )


def events_route(services: Services, settings: Polling) -> ASGIRouteHandler:
    """The route, thin: between Litestar's dispatch and the answer there is only this edge."""
    return HotRoute(
        PATH, copy_scope=False, opt={"right": {"GET": "read"}, "documented_by": events_documented, "query": "own"}
    )(PollEdge(services, settings))


__all__ = ["SIGNALS_EVERY", "PollEdge", "events_route"]
