"""An execution with Chat nodes that this instance holds: its socket, and one exchange over it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from umbral_chat.errors import TryLater
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_n8n_bridge.answers.chat_frames import ChatFrame
from umbral_chat_n8n_bridge.answers.dialog import ChatDialog
from umbral_chat_n8n_bridge.answers.events import Ended, Way
from umbral_chat_n8n_bridge.executions.api import ExecutionsApi, ExecutionsUnavailable
from umbral_chat_n8n_bridge.executions.records import ENDED
from umbral_chat_n8n_bridge.relay.chat_socket import ChatSocket, SocketEnd, open_socket, socket_url
from umbral_chat_n8n_bridge.relay.execution import TICK, CallEnd
from umbral_chat_n8n_bridge.relay.open_executions import OpenExecution, OpenExecutionEntry

if TYPE_CHECKING:
    from umbral_chat.clock import Clock
    from umbral_chat.http_kit.outbound import CallUrl

    from umbral_chat_n8n_bridge.relay.messages import AnswerMessages
    from umbral_chat_n8n_bridge.relay.watch import RunObserver

AWAY = 120.0
"""Seconds for which n8n is connected to again before it is given up: a restart of it takes some ten."""

FAILED_SOON, LOSSES = 15.0, 2
"""An execution has failed when so many sockets in a row were lost, the further ones so many seconds after they were
opened, without a message in between: n8n looks every 3 s, and does not close but drop the socket of one that failed."""

STOPS, STOP_AGAIN = 5, 2.0
"""How often an execution is stopped again, and after how many seconds, until n8n says that it is over."""

OVER = "execution_over"
"""Code of an exchange that came too late: the execution has ended, and did not get the user's answer."""


class RelayedRun(NamedTuple):
    """The run of an exchange or a call, and the message that it is for."""

    conversation: str
    epoch: str
    seq: int
    run_id: str
    session: str


class HeldExecution:
    """Not for two exchanges at once."""

    def __init__(
        self,
        entry: OpenExecutionEntry,
        webhook: CallUrl,
        session: str,
        *,
        clock: Clock,
        limit: int,
        api: ExecutionsApi | None,
    ) -> None:
        """`limit`: characters of a message. The entry is loaded."""
        self.entry = entry
        self._webhook, self._session, self._clock, self._api = webhook, session, clock, api
        record = self.record
        self.dialog = ChatDialog(limit, written=record.written, last=record.last, answered=record.answered)
        self._socket: ChatSocket | None = None
        self.over = False
        """Whether the execution has ended."""
        self._attached_at = 0.0
        self._losses = 0
        """How often the socket was lost since something came: see `FAILED_SOON`."""

    @property
    def record(self) -> OpenExecution:
        """What is stored of it."""
        assert self.entry.record is not None  # noqa: S101 - it is loaded, and not over
        return self.entry.record

    async def attach(self) -> SocketEnd | None:
        """Open its socket, unless it has one; why there is none, else None."""
        if self._socket is not None:
            return None
        url = socket_url(self._webhook, self._session, self.record.execution_id, self.record.token)
        opened = await open_socket(url)
        if isinstance(opened, SocketEnd):
            return opened
        self._socket, self._attached_at = opened, self._clock.monotonic()
        self.dialog.attached()
        return None

    async def close(self) -> None:
        """Close the socket; the execution waits on."""
        if self._socket is not None:
            socket, self._socket = self._socket, None
            await socket.close()

    async def abandon(self, execution_id: str) -> None:
        """Have the execution ended: by n8n's API, else by silence, for which n8n itself cancels one after a minute.
        Takes that long."""
        if self._api is not None:
            try:
                stopped = await self._api.stop(execution_id)
                # The socket has n8n go on with a message that does not wait, which may overtake the stop.
                await self.close()
                for _ in range(STOPS):
                    if stopped != "stopped":
                        return
                    await self._clock.sleep(STOP_AGAIN)
                    stopped = await self._api.stop(execution_id)
            except ExecutionsUnavailable:
                pass
            else:
                return
        if self._socket is not None:
            await self._socket.fall_silent()
        await self.close()

    async def save(self, **changes: object) -> None:
        """Store how far it is. Raises HistoryUnavailable, and TryLater when another instance has taken it."""
        state = {"written": self.dialog.written, "last": self.dialog.last, "answered": self.dialog.answered}
        since = self._clock.now().timestamp()
        await self.entry.save(msgspec.structs.replace(self.record, **{**state, "since": since, **changes}))

    async def next(self, timeout: float) -> ChatFrame | SocketEnd | None:
        """The next frame: see `ChatSocket.next`."""
        if self._socket is None:
            return SocketEnd("lost")
        found = await self._socket.next(timeout)
        if found is not None and not isinstance(found, SocketEnd):
            self._losses = 0
        return found

    async def exchange(
        self,
        messages: AnswerMessages,
        watch: RunObserver,
        alive: Callable[[], Awaitable[None]],
        *,
        timeout: float,
        answer: str | None = None,
        first: ChatFrame | None = None,
    ) -> CallEnd:
        """Send the user's `answer`, a frame, once the execution waits for it, and write what it says until it waits for
        the next one, or is over; `first`: a frame that came already. Raises what `AnswerMessages.apply` and `save`
        raise."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        frame: ChatFrame | SocketEnd | None = first
        while True:
            now = loop.time()
            ended = await self._take(frame, messages, watch, alive, now)
            if ended is not None:
                return self._end(ended, lost=answer is not None)
            if watch.stop is not None:
                return CallEnd(self._ended("unknown", watch.stop), stopped=True)
            if self._waits(now):
                if answer is None or self.dialog.blocked:
                    return self._end(
                        self._ended("text", "answered") if answer is None else self._ended("failed", "choice_expected")
                    )
                await self._send(answer)
                answer = None
            elif now >= deadline:
                return CallEnd(self._ended("unknown", "timed_out"))
            pause = self.dialog.pause(now)
            frame = await self._next(min(TICK, deadline - now, TICK if pause is None else pause), watch)
            if frame is None:
                messages.touch()
                await alive()

    async def _take(
        self,
        frame: ChatFrame | SocketEnd | None,
        messages: AnswerMessages,
        watch: RunObserver,
        alive: Callable[[], Awaitable[None]],
        now: float,
    ) -> Ended | None:
        """Write what came; how the execution ended, if it has."""
        if isinstance(frame, SocketEnd):
            return await self.recover(frame, lambda: watch.stop is not None, alive)
        if frame is not None:
            await messages.apply(self.dialog.receive(frame, now))
            await self.save()
        return None

    def _waits(self, now: float) -> bool:
        """Whether the execution waits for the user, as far as everything shows that it has said."""
        return self.dialog.waits(now) and not (self._socket is not None and self._socket.unread)

    async def _send(self, answer: str) -> None:
        self.dialog.answer()
        # Stored first: an answer is never sent twice.
        await self.save(owed=False)
        if self._socket is not None:
            await self._socket.send(answer)

    async def _next(self, timeout: float, watch: RunObserver) -> ChatFrame | SocketEnd | None:
        getting = asyncio.create_task(self.next(timeout))
        news = asyncio.create_task(watch.news.wait())
        try:
            await asyncio.wait({getting, news}, return_when=asyncio.FIRST_COMPLETED)
            watch.news.clear()
            return getting.result() if getting.done() else None
        finally:
            for task in (getting, news):
                task.cancel()
            await asyncio.gather(getting, news, return_exceptions=True)

    async def recover(
        self, end: SocketEnd, stopped: Callable[[], bool], alive: Callable[[], Awaitable[None]]
    ) -> Ended | None:
        """After the end of its socket: how the execution ended; None: it goes on, over another socket, or `stopped`.
        Raises HistoryUnavailable, and TryLater when another instance has taken it: n8n ends the socket of this one."""
        backoff, deadline = Backoff(initial=0.5, maximum=10.0), self._clock.monotonic() + AWAY
        while not stopped():
            if not await self.entry.still_holds():
                raise TryLater(5.0, "Another instance works on the execution.")
            if end.why == "over":
                return self._over("text", OVER)
            if end.why == "lost":
                quick = self._clock.monotonic() - self._attached_at < FAILED_SOON
                self._losses = self._losses + 1 if quick else 1
            if end.why == "rejected":
                return self._over("failed", "socket_refused")
            if self._losses >= LOSSES:
                return self._over("failed", "workflow_failed")
            if (known := await self._status()) is not None:
                return known
            await self.close()
            opened = await self.attach()
            if opened is None:
                return None
            end = opened
            if self._clock.monotonic() >= deadline:
                return self._ended("unknown", "connection_lost")
            await alive()
            await self._clock.sleep(backoff.next())
        return None

    async def _status(self) -> Ended | None:
        """How it ended, by n8n's API; None: it has not, or that is not known."""
        try:
            found = None if self._api is None else await self._api.execution(self.record.execution_id, data=False)
        except ExecutionsUnavailable:
            return None
        status = None if found is None else found.get("status")
        if status not in ENDED:
            return None
        if status == "success":
            return self._over("text", OVER)
        return self._over("failed", "execution_stopped" if status == "canceled" else "workflow_failed")

    def _over(self, way: Way, code: str) -> Ended:
        self.over = True
        return self._ended(way, code)

    def _ended(self, way: Way, code: str) -> Ended:
        return Ended(way, code, self.record.execution_id)

    def _end(self, ended: Ended, *, lost: bool = False) -> CallEnd:
        """`lost`: the user's answer was not sent."""
        if lost and ended.way in {"text", "failed"}:
            return CallEnd(self._ended("never_began", OVER))
        # One that has succeeded has said what it had to say, be it nothing.
        return CallEnd(self._ended("text", "answered") if ended.code == OVER else ended)


__all__ = ["AWAY", "OVER", "HeldExecution", "RelayedRun"]
