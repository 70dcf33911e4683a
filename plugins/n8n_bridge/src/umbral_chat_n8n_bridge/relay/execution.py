"""One call of a workflow, from the request to the end of its answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.http_kit.outbound import OutboundError

from umbral_chat_n8n_bridge.answers.events import Ended, Event, LineError, Piece, SegmentBegun, SegmentEnded
from umbral_chat_n8n_bridge.answers.reader import AnswerReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from umbral_chat.http_kit.outbound import CallUrl, OutboundClient

    from umbral_chat_n8n_bridge.answers.whole import SentRequest
    from umbral_chat_n8n_bridge.relay.messages import AnswerMessages
    from umbral_chat_n8n_bridge.relay.watch import RunObserver

log = logging.getLogger(__name__)

TICK = 10.0
"""Seconds after which it shows that it still works: a draft without a sign of life ends after 30."""

AFTER_STOP = 5.0
"""Seconds that an execution's answer may go on after it was stopped: n8n leaves such a body open for ever."""

QUEUED = 16
"""Pieces of an answer that wait to be written; beyond them n8n has to wait."""


class CallEnd(NamedTuple):
    """How a call ended. `stopped`: it was ended from our side; then the answer that comes all the same is `late`."""

    ended: Ended
    stopped: bool = False
    retry_after: float | None = None
    late: LateAnswer | None = None


class _Head(NamedTuple):
    status: int
    retry_after: float | None


Arrival = _Head | bytes | OutboundError

_END = b"end"
"""Put behind the last bytes, and recognized by its identity."""

_TOO_LATE = OutboundError("call_timeout", "The execution takes too long.")


class WorkflowRequest:
    """Reads the answer in a task of its own, so that a cancel ends it wherever it is, and never in the middle of a
    write."""

    def __init__(
        self,
        client: OutboundClient,
        url: CallUrl,
        body: bytes,
        headers: Mapping[str, str],
        *,
        sent: SentRequest,
        limit: int,
        silence: float,
    ) -> None:
        self._client, self._url, self._body, self._headers = client, url, body, headers
        self._sent, self._limit, self._silence = sent, limit, silence
        self._reader: AnswerReader | None = None
        self._retry_after: float | None = None
        self._arrived: asyncio.Queue[Arrival] = asyncio.Queue(QUEUED)

    async def run(
        self, messages: AnswerMessages, watch: RunObserver, alive: Callable[[], Awaitable[None]], *, timeout: float
    ) -> CallEnd:
        """Call, and write the answer. `alive` is called now and then. Raises what `AnswerMessages.apply` raises."""
        receiver = asyncio.create_task(self._receive(), name="n8n: call")
        end: CallEnd | None = None
        try:
            end = await self._write(receiver, messages, watch, alive, timeout)
            return end
        finally:
            if end is None or end.late is None:
                receiver.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await receiver

    async def _receive(self) -> None:
        try:
            async with self._client.stream(self._url, self._body, self._headers, timeout=self._silence) as answer:
                await self._arrived.put(_Head(answer.status, _seconds(answer.headers.get("retry-after"))))
                while True:
                    await self._arrived.put(data := await answer.read(self._silence) or _END)
                    if data is _END:
                        return
        except OutboundError as error:
            await self._arrived.put(error)

    async def _write(
        self,
        receiver: asyncio.Task[None],
        messages: AnswerMessages,
        watch: RunObserver,
        alive: Callable[[], Awaitable[None]],
        timeout: float,
    ) -> CallEnd:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            arrived = await self._next(receiver, watch, min(TICK, deadline - loop.time()))
            if watch.stop is not None:
                if self._reader is not None:
                    await messages.apply(self._reader.part(), unfinished="cancelled")
                late = LateAnswer(self, receiver, arrived)
                return CallEnd(Ended("unknown", watch.stop), stopped=True, late=late)
            if arrived is None and loop.time() < deadline:
                messages.touch()
                await alive()
                continue
            events = self.events_of(arrived or _TOO_LATE)
            await messages.apply(events)
            if any(isinstance(event, LineError) and event.stopped for event in events):
                deadline = min(deadline, loop.time() + AFTER_STOP)
            if (ended := _end_of(events)) is not None:
                return CallEnd(ended, retry_after=self._retry_after)
            if messages.writing:
                await alive()

    async def arriving(self) -> Arrival:
        """What arrives next."""
        return await self._arrived.get()

    def events_of(self, arrived: Arrival) -> list[Event]:
        if isinstance(arrived, _Head):
            self._reader = AnswerReader(arrived.status, self._sent, limit=self._limit)
            self._retry_after = arrived.retry_after
            return []
        if isinstance(arrived, OutboundError):
            if not arrived.sent:
                return [Ended("never_began", arrived.code)]
            code = "timed_out" if arrived.code == "call_timeout" else "connection_lost"
            return [Ended("unknown", code)] if self._reader is None else self._reader.cut(code)
        if self._reader is None:
            return []  # a body without a head: the receiver puts none
        return self._reader.feed(arrived) if arrived is not _END else self._reader.end()

    async def _next(self, receiver: asyncio.Task[None], watch: RunObserver, timeout: float) -> Arrival | None:
        """What arrived next; None: nothing within `timeout`, or `watch.stop` is set."""
        if watch.stop is not None or not self._arrived.empty():
            return None if watch.stop is not None else self._arrived.get_nowait()
        getting = asyncio.create_task(self._arrived.get())
        news = asyncio.create_task(watch.news.wait())
        try:
            await asyncio.wait(
                {getting, news} if receiver.done() else {getting, news, receiver},
                timeout=max(0.0, timeout),
                return_when=asyncio.FIRST_COMPLETED,
            )
            watch.news.clear()
            if getting.done():
                return getting.result()
        finally:
            for task in (getting, news):
                task.cancel()
            await asyncio.gather(getting, news, return_exceptions=True)
        if receiver.done() and self._arrived.empty():
            receiver.result()  # raises what no one expected
        return None


class LateAnswer:
    """What an execution goes on to answer after its run was stopped, to be read or closed."""

    def __init__(self, request: WorkflowRequest, receiver: asyncio.Task[None], arrived: Arrival | None) -> None:
        self._request, self._receiver, self._arrived = request, receiver, arrived

    async def texts(self) -> AsyncIterator[str]:
        """The text of each message when it is complete, until the answer is over."""
        growing: dict[int, str] = {}
        ended: Ended | None = None
        while ended is None:
            arrived, self._arrived = self._arrived or await self._request.arriving(), None
            events = self._request.events_of(arrived)
            ended = _end_of(events)
            for event in events:
                match event:
                    case SegmentBegun(number):
                        growing[number] = ""
                    case Piece(number, text):
                        growing[number] += text
                    case SegmentEnded(number):
                        yield growing.pop(number)
                    case _:
                        pass

    async def close(self) -> None:
        """Close the connection."""
        self._receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._receiver


def _end_of(events: list[Event]) -> Ended | None:
    return next((event for event in events if isinstance(event, Ended)), None)


def _seconds(value: str | None) -> float | None:
    return float(value[:6]) if value is not None and value.isascii() and value.isdigit() else None


__all__ = ["AFTER_STOP", "TICK", "CallEnd", "LateAnswer", "WorkflowRequest"]
