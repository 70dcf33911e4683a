"""The edge `poll`: `GET /v1/conversations/{id}/events`, answered at once or when there is something new."""

from __future__ import annotations

import random
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.errors import CursorExpired, HistoryUnavailable, RequestError
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.disconnect import watched
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.providers.presence import DEVICE, person, viewer

from umbral_chat_polling.answer import PATH, SignalsSnapshot, body
from umbral_chat_polling.document import events_documented
from umbral_chat_polling.etag import etag, knows_signals, matches
from umbral_chat_polling.interval import long_poll, poll_after, poll_after_drain
from umbral_chat_polling.query import Query, query_parser
from umbral_chat_polling.snapshot import Snapshots

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from litestar.handlers import ASGIRouteHandler
    from litestar.types import Receive, Scope, Send
    from umbral_chat.context import Services
    from umbral_chat.feed import Batch, Reader, View
    from umbral_chat.providers.auth import Principal
    from umbral_chat.providers.presence import PresenceList

    from umbral_chat_polling.settings import Polling

SIGNALS_INTERVAL = 1.0
"""Seconds between two answers of long polls that have only new signals: one person who types would otherwise keep
every client in a loop of requests."""

INTEREST_INTERVAL = 1.0
"""Seconds between two calls of presence for clients whose answers have nothing of it: it stays interested in a
conversation for 10 s, and a call at each poll would take an eighth of a poll's time."""

NOT_SHARED = (b"cache-control", b"private, no-cache")


class PollRequest(NamedTuple):
    """One request. `known` is the `If-None-Match` header: the ETag of the answer that the client has."""

    principal: Principal
    conversation: str
    query: Query
    known: str | None


class PollEdge:
    """Answers polls and long polls from the feeds. Of a client it keeps only the open request."""

    def __init__(self, services: Services, settings: Polling) -> None:
        self._settings = settings
        self._feeds = services.feeds
        self._drafts = services.drafts
        self._runs = services.runs
        self._receipts = services.receipts
        self._failover = services.failover
        self._presence = services.presence
        self._clock = services.base.clock
        self._draining = services.lifecycle.draining
        history, telemetry = services.storage.history, services.base.telemetry
        # Every client polls again within the longest interval, so for that long one read answers all of them.
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
        """Answer one request. Raises the RequestErrors of the query, the feeds and the principal's epoch."""
        try:
            request = PollRequest(
                asgi.principal(scope),
                asgi.conversation(scope),
                self._parse(scope["query_string"]),
                asgi.header(scope, b"if-none-match"),
            )
            if request.query.wait and not self._draining.is_set():
                await self._long_poll(request, scope, receive, send)
            elif request.known is not None and (unchanged := self._unchanged_headers(request)) is not None:
                self._unchanged.value += 1
                self._renew(request)
                await asgi.send_empty(send, 304, unchanged)
            else:
                batch = await self._read(request)
                counter = self._new if batch.entries else self._empty
                counter.value += 1
                self._renew(request)
                await self._send(request, batch, send)
        except RequestError:
            self._error.value += 1
            raise
        except ConnectionAbortedError:
            return  # the client has left

    async def _long_poll(self, request: PollRequest, scope: Scope, receive: Receive, send: Send) -> None:
        batch = await self._read(request)
        if batch.entries:
            self._renew(request)
        elif (disconnect := asgi.server_disconnect(scope)) is not None:
            batch = await self._follow(request, batch, disconnect)
        else:
            async with watched(receive) as disconnect:
                batch = await self._follow(request, batch, disconnect)
        if batch.entries:
            self._long_new.value += 1
        else:
            self._long_empty.value += 1
            unchanged = None if self._draining.is_set() else self._unchanged_headers(request)
            if unchanged is not None:
                await asgi.send_empty(send, 304, unchanged)
                return
        await self._send(request, batch, send)

    async def _follow(self, request: PollRequest, batch: Batch, disconnect: asgi.Disconnect) -> Batch:
        async with self._feeds.reading(request.conversation, request.principal) as reader:
            with self._holding(request):
                await self._wait(request, batch, reader, disconnect)
            return await self._read(request)

    async def _wait(self, request: PollRequest, batch: Batch, reader: Reader, disconnect: asgi.Disconnect) -> None:
        """Wait until there is an entry, a signal that is due, or a disconnect; until the service drains, or the time is
        over."""
        seconds = long_poll(request.query.wait, self._random.random(), longest=self._settings.long_poll_timeout)
        if request.principal.expires_at is not None:
            # Past the end of its token the client may not read any more.
            seconds = min(seconds, max(0.0, request.principal.expires_at - self._clock.now().timestamp()))
        version = reader.view.version
        # Staleness and presence are answered as signals are: not at once, but within SIGNALS_INTERVAL.
        overdue = (
            batch.stale_since is not None
            or not knows_signals(request.known, self._failover.mode, version)
            or not self._knows(request, reader.view)
        )
        await reader.wait(batch.cursor, None, min(seconds, SIGNALS_INTERVAL), disconnect)
        if seconds > SIGNALS_INTERVAL and not overdue:
            await reader.wait(batch.cursor, version, seconds - SIGNALS_INTERVAL, disconnect)

    async def _read(self, request: PollRequest) -> Batch:
        principal, conversation = request.principal, request.conversation
        try:
            batch = await self._feeds.read(conversation, request.query.after, request.query.limit)
        except CursorExpired:
            # A principal that is bound to a log that was deleted cannot start over.
            if (view := self._feeds.peek(conversation)) is not None:
                check_epoch(principal, conversation, view.epoch)
            raise
        check_epoch(principal, conversation, batch.epoch)
        return batch

    def _unchanged_headers(self, request: PollRequest) -> asgi.Headers | None:
        """The headers of a 304, if the client has everything that an answer would contain. Neither waits nor reads."""
        view = self._feeds.peek(request.conversation)
        if view is None or view.merge.gone:
            return None
        tag = self._tag(request, view)
        if not matches(request.known, tag) or not self._knows(request, view):
            return None
        check_epoch(request.principal, request.conversation, view.epoch)
        pause = self._pause(request, view, writing=self._is_writing(request.conversation))
        return [NOT_SHARED, (b"etag", tag), (b"poll-after-ms", b"%d" % pause)]

    async def _send(self, request: PollRequest, batch: Batch, send: Send) -> None:
        entries, cursor, head, messages = batch.entries, batch.cursor, batch.head, None
        await self._await_presence(request, batch)
        if self._snapshots is not None and batch.stale_since is None:
            snapshot = await self._snapshots.read(request.conversation, Cursor(batch.epoch, head), request.query.limit)
            cursor = START if snapshot.head is None else Cursor(snapshot.head.epoch, snapshot.head.seq)
            check_epoch(request.principal, request.conversation, cursor.epoch)
            entries, head, messages = [], cursor.seq, snapshot.messages
        view = None if batch.stale_since is not None else self._feeds.peek(request.conversation)
        writing = self._is_writing(request.conversation)
        signals, presence = self._state(request)
        data = body(
            entries=entries,
            cursor=cursor,
            head=head,
            poll_after_ms=0 if cursor.seq < head else self._pause(request, view, writing=writing),
            mode=self._failover.mode,
            signals=signals,
            presence=presence,
            known_presence=request.query.presence,
            stale_since=batch.stale_since,
            messages=messages,
        )
        headers = [NOT_SHARED]
        if view is not None and (view.epoch, view.head) == (batch.epoch, head):
            headers.append((b"etag", self._tag(request, view)))
        self._delivered.value += len(entries)
        await asgi.send_json(send, 200, data, headers)

    def _state(self, request: PollRequest) -> tuple[SignalsSnapshot, PresenceList | None]:
        """Drafts, runs, typing, receipts and the presence list. The call also keeps this instance interested in what
        other instances know of the conversation, so it is made where no answer has them, too."""
        drafts, runs = self._drafts.of(request.conversation), self._runs.of(request.conversation)
        readers = self._receipts.of(request.conversation)
        if self._presence is None:
            return SignalsSnapshot.encode(drafts, runs, [], readers), None
        state = self._presence.state(request.conversation, viewer(request.principal))
        return SignalsSnapshot.encode(drafts, runs, state.typing, readers), state.presence

    def _is_writing(self, conversation: str) -> bool:
        drafts, runs = self._drafts.of(conversation), self._runs.of(conversation)
        return bool(drafts) or (bool(runs) and any(run.state == "writing" for run in runs))

    def _knows(self, request: PollRequest, view: View) -> bool:
        """Whether the client has the present signals and presence list, as far as its query says which it has."""
        query = request.query
        if query.signals is None and query.presence is None and view.last_used - view.interest < INTEREST_INTERVAL:
            return True
        view.interest = view.last_used
        signals, presence = self._state(request)
        if query.signals is not None and query.signals != signals.version:
            return False
        return query.presence is None or presence is None or query.presence == presence.version

    async def _await_presence(self, request: PollRequest, batch: Batch) -> None:
        """A client's first answer lists who is present at other instances, too, if that can be read now."""
        if (
            self._presence is None
            or batch.stale_since is not None
            or (request.known or request.query.presence) is not None
        ):
            return
        with suppress(HistoryUnavailable):
            await self._presence.settled(request.conversation)

    def _renew(self, request: PollRequest) -> None:
        if self._presence is not None and self._settings.holds_presence:
            self._presence.renew(request.conversation, person(request.principal), request.query.device or DEVICE)

    def _holding(self, request: PollRequest) -> AbstractContextManager[None]:
        if self._presence is None or not self._settings.holds_presence:
            return nullcontext()
        return self._presence.holding(request.conversation, person(request.principal), request.query.device or DEVICE)

    def _pause(self, request: PollRequest, view: View | None, *, writing: bool) -> int:
        """Milliseconds until the client should poll again, less what it is ready to wait inside a poll."""
        lowest, highest = self._settings.min_interval, self._settings.max_interval
        if self._draining.is_set():
            return round(1000 * poll_after_drain(self._random.random(), lowest=lowest))
        if view is None:
            return round(1000 * highest)
        silence = self._clock.monotonic() - (view.since if view.last_activity is None else view.last_activity)
        pause = poll_after(silence, writing=writing, lowest=lowest, highest=highest)
        return round(1000 * max(0.0, pause - request.query.wait))

    def _tag(self, request: PollRequest, view: View) -> bytes:
        return etag(
            subject=request.principal.author,
            after=request.query.after,
            limit=request.query.limit,
            strategy=self._settings.sync_strategy,
            epoch=view.epoch,
            head=view.head,
            redaction=view.redaction,
            mode=self._failover.mode,
            version=view.version,
        )


def events_route(services: Services, settings: Polling) -> ASGIRouteHandler:
    """The route. Only this edge is between Litestar's dispatch and the answer."""
    return HotRoute(
        PATH, copy_scope=False, opt={"right": {"GET": "read"}, "documented_by": events_documented, "query": "own"}
    )(PollEdge(services, settings))


__all__ = ["SIGNALS_INTERVAL", "PollEdge", "events_route"]
