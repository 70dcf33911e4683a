"""A client of Realtime that receives broadcasts for a moment: Supabase's own client, so that the doctor does not judge
this plugin's transport by that transport's own code.

It never reconnects or rejoins by itself, every wait has a timeout, and every task that it started ends with it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, NamedTuple, cast

from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, NotConnectedError, RealtimeSubscribeStates
from umbral_chat.transport_kit.proxies import proxy_for
from websockets.exceptions import InvalidStatus, WebSocketException

HANDSHAKE_TIMEOUT = 12.0
"""Seconds. Realtime waits 2 s before it refuses one."""

JOIN_TIMEOUT = 12
"""Seconds. Realtime waits 5 s before it refuses one, and answers nothing else on that socket meanwhile: where several
may be refused, each has a socket of its own."""

CLOSE_TIMEOUT = 2.0
"""Seconds for the closing handshake."""


class HandshakeRefused(Exception):
    """The WebSocket could not be opened. `status` is the HTTP status that the server answered, None without one."""

    def __init__(self, status: int | None, words: str) -> None:
        super().__init__(words)
        self.status = status


class ReceivedBroadcast(NamedTuple):
    """A broadcast that arrived on a joined topic."""

    topic: str
    event: str
    payload: dict[str, Any]


Predicate = Callable[[ReceivedBroadcast], bool]


class Listener:
    """An open client. `refusals` holds the reason for each topic that could not be joined; an empty reason: the join
    was not answered. `received` holds all broadcasts, in the order of their arrival."""

    def __init__(self, client: AsyncRealtimeClient) -> None:
        self._client = client
        self._channels: dict[str, AsyncRealtimeChannel] = {}
        self._arrived = asyncio.Event()
        self.refusals: dict[str, str] = {}
        self.received: list[ReceivedBroadcast] = []

    async def join(self, topic: str) -> bool:
        """Join the private topic, unless that was tried before; whether it is joined."""
        if topic in self._channels:
            return topic not in self.refusals
        config = {"broadcast": {"ack": False, "self": False}, "presence": {"key": "", "enabled": False}}
        channel = self._client.channel(topic, cast("Any", {"config": config | {"private": True}}))
        self._channels[topic] = channel
        channel.on_broadcast("*", lambda message: self._on_broadcast(topic, cast("dict[str, Any]", message)))
        refusal: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def decide(status: RealtimeSubscribeStates, error: Exception | None) -> None:
            if not refusal.done():
                refusal.set_result(None if status is RealtimeSubscribeStates.SUBSCRIBED else _reason(error))

        with suppress(TimeoutError, NotConnectedError, WebSocketException, OSError):
            async with asyncio.timeout(JOIN_TIMEOUT + 1):
                await channel.subscribe(decide)
        why = refusal.result() if refusal.done() else ""
        if why is not None:
            self.refusals[topic] = why
        return why is None

    async def send(self, topic: str, event: str, payload: dict[str, Any]) -> None:
        """Broadcast on a topic that was joined. Nothing is sent once the socket is closed."""
        with suppress(NotConnectedError, WebSocketException, OSError):
            await self._channels[topic].send_broadcast(event, payload)

    async def wait_for(self, wanted: Predicate, within: float) -> ReceivedBroadcast | None:
        """The first broadcast that `wanted` accepts, including those received before; None: none within so many
        seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    self._arrived.clear()
                    for each in self.received:
                        if wanted(each):
                            return each
                    await self._arrived.wait()
        return None

    def cancel_timers(self) -> None:
        """Stop what the client would do later by itself: rejoins, and timeouts of sends."""
        for channel in self._channels.values():
            channel.rejoin_timer.reset()
            channel.join_push.destroy()
            for push in channel.messages_waiting_for_ack.values():
                push.destroy()

    def _on_broadcast(self, topic: str, message: dict[str, Any]) -> None:
        # An exception here would end the client's reading for good.
        payload = message.get("payload")
        broadcast = ReceivedBroadcast(topic, str(message.get("event")), payload if isinstance(payload, dict) else {})
        self.received.append(broadcast)
        self._arrived.set()


@asynccontextmanager
async def open_listener(
    base: str, key: str, topics: Sequence[str], token: str | None = None
) -> AsyncIterator[Listener]:
    """A socket with the API key that has tried to join `topics`, as the user of `token` if there is one. Raises
    HandshakeRefused."""
    client = AsyncRealtimeClient(f"{base}/realtime/v1", key, auto_reconnect=False, max_retries=1, timeout=JOIN_TIMEOUT)
    if token is not None:
        await client.set_auth(token)
    listener = Listener(client)
    try:
        await _connect(client)
        await asyncio.gather(*(listener.join(topic) for topic in topics))
        yield listener
    finally:
        listener.cancel_timers()
        await _close(client)


@contextmanager
def client_defaults_suspended(base: str) -> Iterator[None]:
    """Suspend two habits of the client while a check uses it: it logs refusals as errors, which here are expected; and
    it has no parameter for a proxy, but reads the environment by rules of its own, for loopback and SOCKS too.

    Not reentrant: the environment is the process's. Raises SettingsError for a proxy variable that cannot be used.
    """
    log = logging.getLogger("realtime")
    level, environ = log.level, os.environ.copy()
    scheme = "wss" if base.startswith("https") else "ws"
    proxy = proxy_for(base)
    log.setLevel(logging.CRITICAL + 1)
    # In lower case they take precedence over all others (urllib.request.getproxies, websockets.uri.get_proxy).
    os.environ |= {"no_proxy": "*"} if proxy is None else {"no_proxy": "", f"{scheme}_proxy": proxy}
    try:
        yield
    finally:
        for name in ("no_proxy", f"{scheme}_proxy"):
            os.environ.pop(name, None)
            if name in environ:
                os.environ[name] = environ[name]
        log.setLevel(level)


async def _close(client: AsyncRealtimeClient) -> None:
    # The client cannot abandon a socket whose peer does not answer.
    socket = client._ws_connection  # noqa: SLF001
    try:
        with suppress(TimeoutError, WebSocketException, OSError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await client.close()
    finally:
        # Before Python 3.11.3 a timeout in a task that is being cancelled ends as its cancellation (gh-102780).
        if socket is not None:
            socket.transport.abort()
    # A client that was not closed in time has no socket now, and its tasks end.
    await client.close()
    await asyncio.sleep(0)


async def _connect(client: AsyncRealtimeClient) -> None:
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT):
            await client.connect()
    except InvalidStatus as error:
        raise HandshakeRefused(error.response.status_code, f"HTTP {error.response.status_code}") from None
    except TimeoutError:
        raise HandshakeRefused(None, "no answer") from None
    except (WebSocketException, OSError) as error:
        # Its words may contain the address with the key.
        raise HandshakeRefused(None, type(error).__name__) from None


def _reason(error: Exception | None) -> str:
    """The reason that the server gave for refusing a join; empty without one."""
    if error is None:
        return ""
    try:
        parsed = json.loads(str(error))
    except (ValueError, RecursionError):
        return type(error).__name__
    reason = parsed.get("reason") if isinstance(parsed, dict) else parsed
    return str(reason)[:200]


__all__ = ["HandshakeRefused", "Listener", "ReceivedBroadcast", "client_defaults_suspended", "open_listener"]
