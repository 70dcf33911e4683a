"""One socket to Realtime, from the handshake to its end: the shell around `PhoenixProtocol`."""

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

from umbral_chat_realtime_supabase.live.disconnection import Disconnection, from_status
from umbral_chat_realtime_supabase.live.phoenix_protocol import Broadcast, PhoenixProtocol
from umbral_chat_realtime_supabase.live.tasks import wait_until_done
from umbral_chat_realtime_supabase.live.traffic import Traffic

TICK_INTERVAL = 0.25
"""Seconds between two calls of the protocol's `tick`."""

CLOSE_TIMEOUT = 1.0
"""Seconds to wait for the server to close its side; one that is gone never does."""

MAX_FRAME_BYTES = 5_000_000
"""Largest frame that Realtime sends, in bytes (endpoint.ex)."""

YIELD_EVERY = 100
"""Frames processed in a row before other tasks run."""

_log = logging.getLogger(f"{__name__}.websocket")
# The library's debug lines contain the requested address, and the key is in it.
_log.setLevel(logging.INFO)


_bodies = msgspec.json.Decoder()


class Session:
    """Runs in a task of its own between `start` and `close`. `on_broadcast` is called with each broadcast, in order."""

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
        on_broadcast: Callable[[Broadcast], None],
    ) -> None:
        self._base, self._key, self._topics = base, key, topics
        self._heartbeat, self._connect_timeout = heartbeat, connect_timeout
        self._clock, self._traffic, self._on_broadcast = clock, traffic, on_broadcast
        self._protocol: PhoenixProtocol | None = None
        self._progress = asyncio.Event()
        self._outgoing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._disconnection: Disconnection | None = None
        self.began = clock.monotonic()
        """When the session was created, in monotonic seconds."""

    def __repr__(self) -> str:
        return f"<Session with {self._base}: {self._disconnection or 'open'}>"

    @property
    def disconnection(self) -> Disconnection | None:
        """Why the session is over; None while it is not."""
        return self._disconnection

    def received_since(self, moment: float) -> bool:
        """Whether a frame was received after `moment`, in monotonic seconds."""
        return self._protocol is not None and self._protocol.last_received_at > moment

    def send_heartbeat(self) -> None:
        """Send a heartbeat now, which the server answers."""
        if self._protocol is not None:
            self._protocol.send_heartbeat(self._clock.monotonic())
            self._outgoing.set()

    def start(self) -> None:
        """Start the task that connects and runs the socket."""
        self._task = asyncio.create_task(self._run(), name="supabase: socket")

    async def until_ready(self) -> Disconnection | None:
        """Wait until every topic is joined and the database's broadcasts can be expected; why the session ended, else
        None."""
        while self._disconnection is None:
            if self._protocol is not None and self._protocol.ready(self._clock.monotonic()):
                return None
            self._progress.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_INTERVAL):
                    await self._progress.wait()
        return self._disconnection

    async def until_disconnected(self, within: float) -> Disconnection | None:
        """Wait until the session is over, `within` seconds at most; why it is, or None."""
        if self._task is not None and self._disconnection is None:
            await asyncio.wait((self._task,), timeout=within)
        return self._disconnection

    def broadcast(self, topic: str, event: str, payload: object) -> bool:
        """Broadcast on a joined topic. False: the topic is not joined, or the session is over."""
        if self._protocol is None or not self._protocol.broadcast(topic, event, payload):
            return False
        self._traffic.broadcast_sent()
        self._outgoing.set()
        return True

    async def close(self) -> None:
        """End the session, and wait for that, also when this is cancelled: no task and no socket is left. It takes
        2 × CLOSE_TIMEOUT at most."""
        if self._task is None:
            return
        if not self._task.cancelling():  # cancelled once: a second time would interrupt the closing handshake
            self._task.cancel()
        await wait_until_done(self._task)

    async def _run(self) -> None:
        disconnection = Disconnection("closed", "it ended without a reason")
        try:
            disconnection = await self._connect_and_run()
        except asyncio.CancelledError:
            disconnection = Disconnection("closed", "closed by this instance")
            raise
        except Exception as error:  # noqa: BLE001 - an unexpected error ends this socket and nothing else
            # Its message may contain the address with the key.
            _log.error("a socket to Supabase Realtime failed unexpectedly: %s", type(error).__name__)
            disconnection = Disconnection("closed", f"unexpected: {type(error).__name__}")
        finally:
            self._disconnection = disconnection
            self._progress.set()

    async def _connect_and_run(self) -> Disconnection:
        connection = await self._handshake()
        if isinstance(connection, Disconnection):
            return connection
        protocol = self._protocol = PhoenixProtocol(
            self._topics, token=_token(self._key), heartbeat=self._heartbeat, now=self._clock.monotonic()
        )
        self._outgoing.set()
        tasks = [
            asyncio.create_task(self._read(connection, protocol), name="supabase: read"),
            asyncio.create_task(self._write(connection, protocol), name="supabase: write"),
        ]
        try:
            while protocol.disconnection is None:
                await asyncio.wait(tasks, timeout=TICK_INTERVAL, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                        raise error
                protocol.tick(self._clock.monotonic())
                if protocol.outgoing:
                    self._outgoing.set()
            return protocol.disconnection
        finally:
            for task in tasks:
                task.cancel()
            try:
                await asyncio.wait(tasks)
                # Without a closing handshake where the connection is lost: frames that nothing reads any more would
                # delay it, and the report of the loss too.
                await _close(connection, handshake=protocol.disconnection is None)
            finally:
                connection.transport.abort()  # also when the closing is interrupted, as by the loop's end

    async def _handshake(self) -> ClientConnection | Disconnection:
        # The hosted gateway expects the key in the query; Realtime itself prefers the header.
        query = urlencode({"apikey": self._key.reveal(), "vsn": "1.0.0"})
        url = f"{self._base.replace('http', 'ws', 1)}/realtime/v1/websocket?{query}"
        try:
            return await connect(
                url,
                proxy=proxy_for(self._base),
                logger=_log,
                open_timeout=self._connect_timeout,
                close_timeout=CLOSE_TIMEOUT,
                ping_interval=None,  # a heartbeat is answered by the server itself, a ping perhaps by a proxy
                compression=None,
                max_size=MAX_FRAME_BYTES,
            )
        except InvalidStatus as error:
            return from_status(error.response.status_code, _message(error.response.body))
        except SettingsError as error:  # a proxy variable; the message contains no secret
            return Disconnection("unreachable", str(error))
        except TimeoutError:
            return Disconnection("unreachable", f"no handshake within {self._connect_timeout:g} s")
        except (OSError, WebSocketException, EOFError, ValueError) as error:
            # Only the type: the message may contain the address with the key.
            return Disconnection("unreachable", f"{self._base} cannot be reached ({type(error).__name__})")

    async def _read(self, connection: ClientConnection, protocol: PhoenixProtocol) -> None:
        processed = 0
        try:
            async for data in connection:
                self._traffic.frame_received(len(data))
                protocol.receive(data, self._clock.monotonic())
                while protocol.broadcasts:
                    self._traffic.broadcast_received()
                    self._on_broadcast(protocol.broadcasts.popleft())
                if protocol.outgoing:
                    self._outgoing.set()
                self._progress.set()
                if protocol.disconnection is not None:
                    return
                processed += 1
                if processed % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed:
            pass
        protocol.disconnect(_closed(connection))

    async def _write(self, connection: ClientConnection, protocol: PhoenixProtocol) -> None:
        try:
            while True:
                await self._outgoing.wait()
                self._outgoing.clear()
                while protocol.outgoing:
                    data = protocol.outgoing.popleft()
                    await connection.send(data)
                    self._traffic.frame_sent(len(data))
        except ConnectionClosed:
            protocol.disconnect(_closed(connection))


def _closed(connection: ClientConnection) -> Disconnection:
    return Disconnection("closed", f"the socket was closed ({connection.close_code or 'without a code'})")


async def _close(connection: ClientConnection, *, handshake: bool) -> None:
    try:
        if handshake:
            with suppress(TimeoutError, WebSocketException, OSError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await connection.close()
    finally:
        # Before Python 3.11.3 a timeout in a task that is being cancelled ends as its cancellation (gh-102780).
        connection.transport.abort()
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await connection.wait_closed()


def _token(key: Secret) -> str | None:
    """The key as a channel's token. None for an opaque key, of which the gateway made a token at the handshake."""
    text = key.reveal()
    return None if text.startswith("sb_") else text


def _message(body: bytes | None) -> str:
    """The error in the body of a refused handshake: `{"error": "…"}` (user_socket.ex, handle_error)."""
    try:
        found = decode_bounded(_bodies, body or b"")
    except msgspec.DecodeError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""


__all__ = ["CLOSE_TIMEOUT", "TICK_INTERVAL", "Session"]
