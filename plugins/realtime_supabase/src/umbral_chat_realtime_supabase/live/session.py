"""One socket to Realtime, from the handshake to its end: the shell around a link."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import urlencode

import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import SettingsError
from umbral_chat.model.depth import decode_bounded
from umbral_chat.settings import Secret
from umbral_chat.transport_kit.proxies import proxy_for
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from umbral_chat_realtime_supabase.live.tasks import ended
from umbral_chat_realtime_supabase.live.phoenix_protocol import Heard, Link
from umbral_chat_realtime_supabase.live.disconnection import Lost, of_status
from umbral_chat_realtime_supabase.live.traffic import Traffic

TICK = 0.25
"""Seconds between two looks of the link at the time."""

GOODBYE = 1.0
"""Seconds that a server gets to close its side; one that is gone does not answer."""

LARGEST = 5_000_000
"""Bytes of the largest frame that Realtime sends (endpoint.ex)."""

BREATH = 100
"""Frames taken in a row at most before others get their turn."""

_quiet = logging.getLogger(f"{__name__}.websocket")
# The library's debug lines show the address that is asked for, and the key is in it.
_quiet.setLevel(logging.INFO)


_answers = msgspec.json.Decoder()


class Session:
    """Runs in a task of its own between `start` and `close`. `heard` gets every broadcast, in order."""

    def __init__(
        self,
        base: str,
        key: Secret,
        topics: Sequence[str],
        *,
        heartbeat: float,
        connect_timeout: float,
        clock: Clock,
        traffic: Traffic,
        heard: Callable[[Heard], None],
    ) -> None:
        self._base, self._key, self._topics = base, key, topics
        self._heartbeat, self._connect_timeout = heartbeat, connect_timeout
        self._clock, self._traffic, self._heard = clock, traffic, heard
        self._link: Link | None = None
        self._progress = asyncio.Event()
        self._outgoing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._lost: Lost | None = None
        self.began = clock.monotonic()
        """When it was made, in monotonic seconds."""

    def __repr__(self) -> str:
        return f"<Session with {self._base}: {self._lost or 'open'}>"

    @property
    def lost(self) -> Lost | None:
        """Why it is over; None while it is not."""
        return self._lost

    def answered_since(self, moment: float) -> bool:
        """Whether anything came over the socket after this moment, in monotonic seconds."""
        return self._link is not None and self._link.heard_at > moment

    def beat(self) -> None:
        """Ask the server for a sign."""
        if self._link is not None:
            self._link.beat(self._clock.monotonic())
            self._outgoing.set()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="supabase: socket")

    async def until_ready(self) -> Lost | None:
        """Return when every topic is joined and broadcasts of the database may be expected, or why that will not be."""
        while self._lost is None:
            if self._link is not None and self._link.ready(self._clock.monotonic()):
                return None
            self._progress.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._progress.wait()
        return self._lost

    async def until_lost(self, within: float) -> Lost | None:
        """Wait until it is over, `within` seconds at most."""
        if self._task is not None and self._lost is None:
            await asyncio.wait((self._task,), timeout=within)
        return self._lost

    def say(self, topic: str, event: str, payload: object) -> bool:
        """Broadcast on a joined topic; whether that is tried."""
        if self._link is None or not self._link.say(topic, event, payload):
            return False
        self._traffic.said()
        self._outgoing.set()
        return True

    async def close(self) -> None:
        """End it, and wait for that, also when this is cancelled: no task and no socket is left. It takes two goodbyes
        at most."""
        if self._task is None:
            return
        if not self._task.cancelling():  # said once: a second word would cut the goodbye short
            self._task.cancel()
        await ended(self._task)

    async def _run(self) -> None:
        lost = Lost("closed", "it ended without a word")
        try:
            lost = await self._connected()
        except asyncio.CancelledError:
            lost = Lost("closed", "closed by this instance")
            raise
        except Exception as error:  # noqa: BLE001 - whatever a library raises ends this socket and nothing else
            # Its words may hold the address with the key.
            _quiet.error("a socket to Supabase Realtime failed unexpectedly: %s", type(error).__name__)
            lost = Lost("closed", f"unexpected: {type(error).__name__}")
        finally:
            self._lost = lost
            self._progress.set()

    async def _connected(self) -> Lost:
        found = await self._handshake()
        if isinstance(found, Lost):
            return found
        link = self._link = Link(
            self._topics, token=_token(self._key), heartbeat=self._heartbeat, now=self._clock.monotonic()
        )
        self._outgoing.set()
        tasks = [
            asyncio.create_task(self._read(found, link), name="supabase: hear"),
            asyncio.create_task(self._write(found, link), name="supabase: say"),
        ]
        try:
            while link.lost is None:
                await asyncio.wait(tasks, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                        raise error
                link.tick(self._clock.monotonic())
                if link.outgoing:
                    self._outgoing.set()
            return link.lost
        finally:
            for task in tasks:
                task.cancel()
            try:
                await asyncio.wait(tasks)
                # A link that is lost gets no goodbye: frames that nobody reads any more would hold it up, and the news
                # too.
                await _leave(found, politely=link.lost is None)
            finally:
                found.transport.abort()  # also when the goodbye is interrupted, as by the loop's end

    async def _handshake(self) -> ClientConnection | Lost:
        # The hosted gateway looks for the key in the query; the header is what Realtime itself prefers.
        query = urlencode({"apikey": self._key.reveal(), "vsn": "1.0.0"})
        url = f"{self._base.replace('http', 'ws', 1)}/realtime/v1/websocket?{query}"
        try:
            return await connect(
                url,
                proxy=proxy_for(self._base),
                logger=_quiet,
                open_timeout=self._connect_timeout,
                close_timeout=GOODBYE,
                ping_interval=None,  # heartbeats ask the server itself, where a ping may be answered by a proxy
                compression=None,
                max_size=LARGEST,
            )
        except InvalidStatus as error:
            return of_status(error.response.status_code, _words(error.response.body))
        except SettingsError as error:  # a proxy variable; it repeats nothing of what is secret
            return Lost("unreachable", str(error))
        except TimeoutError:
            return Lost("unreachable", f"no handshake within {self._connect_timeout:g} s")
        except (OSError, WebSocketException, EOFError, ValueError) as error:
            # Only the kind: the words may hold the address with the key.
            return Lost("unreachable", f"{self._base} cannot be reached ({type(error).__name__})")

    async def _read(self, connection: ClientConnection, link: Link) -> None:
        taken = 0
        try:
            async for data in connection:
                self._traffic.came(len(data))
                link.take(data, self._clock.monotonic())
                while link.heard:
                    self._traffic.heard()
                    self._heard(link.heard.popleft())
                if link.outgoing:
                    self._outgoing.set()
                self._progress.set()
                if link.lost is not None:
                    return
                taken += 1
                if taken % BREATH == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed:
            pass
        link.end(_closed(connection))

    async def _write(self, connection: ClientConnection, link: Link) -> None:
        try:
            while True:
                await self._outgoing.wait()
                self._outgoing.clear()
                while link.outgoing:
                    data = link.outgoing.popleft()
                    await connection.send(data)
                    self._traffic.went(len(data))
        except ConnectionClosed:
            link.end(_closed(connection))


def _closed(connection: ClientConnection) -> Lost:
    return Lost("closed", f"the socket was closed ({connection.close_code or 'without a word'})")


async def _leave(connection: ClientConnection, *, politely: bool) -> None:
    if politely:
        with suppress(TimeoutError, WebSocketException, OSError):
            async with asyncio.timeout(GOODBYE):
                await connection.close()
    connection.transport.abort()
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE):
            await connection.wait_closed()


def _token(key: Secret) -> str | None:
    """Opaque keys are none that a channel can go by: the gateway made a token of them at the handshake."""
    text = key.reveal()
    return None if text.startswith("sb_") else text


def _words(body: bytes | None) -> str:
    """What the server says: `{"error": "…"}` (user_socket.ex, handle_error)."""
    try:
        found = decode_bounded(_answers, body or b"")
    except msgspec.DecodeError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""


__all__ = ["GOODBYE", "TICK", "Session"]
