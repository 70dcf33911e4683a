"""A client of Realtime that listens for a moment: Supabase's own, so that another judges than who serves.

It is never let to reconnect or to join again by itself, every wait ends, and whatever it started ends with it.
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

HANDSHAKE = 12.0
"""Seconds. Realtime waits 2 s before it refuses one."""

JOIN = 12
"""Seconds. Realtime waits 5 s before it refuses one, and answers nothing else on that socket meanwhile: where several
may be refused, each has a socket of its own."""

CLOSE = 2.0
"""Seconds for a polite end."""


class HandshakeRefused(Exception):
    """No socket. `status` is what the server answered, if it did."""

    def __init__(self, status: int | None, words: str) -> None:
        super().__init__(words)
        self.status = status


class Heard(NamedTuple):
    """A broadcast."""

    topic: str
    event: str
    payload: dict[str, Any]


Wanted = Callable[[Heard], bool]


class Ear:
    """Open. `refusals` holds the reason for each topic that could not be joined; empty: it was not answered."""

    def __init__(self, client: AsyncRealtimeClient) -> None:
        self._client = client
        self._channels: dict[str, AsyncRealtimeChannel] = {}
        self._came = asyncio.Event()
        self.refusals: dict[str, str] = {}
        self.heard: list[Heard] = []

    async def join(self, topic: str) -> bool:
        """Whether the private topic could be joined. Again is nothing."""
        if topic in self._channels:
            return topic not in self.refusals
        config = {"broadcast": {"ack": False, "self": False}, "presence": {"key": "", "enabled": False}}
        channel = self._client.channel(topic, cast("Any", {"config": config | {"private": True}}))
        self._channels[topic] = channel
        channel.on_broadcast("*", lambda message: self._hear(topic, cast("dict[str, Any]", message)))
        told: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def decide(status: RealtimeSubscribeStates, error: Exception | None) -> None:
            if not told.done():
                told.set_result(None if status is RealtimeSubscribeStates.SUBSCRIBED else _reason(error))

        with suppress(TimeoutError, NotConnectedError, WebSocketException, OSError):
            async with asyncio.timeout(JOIN + 1):
                await channel.subscribe(decide)
        why = told.result() if told.done() else ""
        if why is not None:
            self.refusals[topic] = why
        return why is None

    async def send(self, topic: str, event: str, payload: dict[str, Any]) -> None:
        """Broadcast on a topic that was joined. Where the socket is gone, nothing is sent."""
        with suppress(NotConnectedError, WebSocketException, OSError):
            await self._channels[topic].send_broadcast(event, payload)

    async def until(self, wanted: Wanted, within: float) -> Heard | None:
        """The first broadcast of that kind, also one that was heard before; None: it did not come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    self._came.clear()
                    for each in self.heard:
                        if wanted(each):
                            return each
                    await self._came.wait()
        return None

    def end(self) -> None:
        """Stop what the client would do later by itself."""
        for channel in self._channels.values():
            channel.rejoin_timer.reset()
            channel.join_push.destroy()
            for push in channel.messages_waiting_for_ack.values():
                push.destroy()

    def _hear(self, topic: str, message: dict[str, Any]) -> None:
        # What is raised here would end the client's listening for good.
        payload = message.get("payload")
        self.heard.append(Heard(topic, str(message.get("event")), payload if isinstance(payload, dict) else {}))
        self._came.set()


@asynccontextmanager
async def listening(base: str, key: str, topics: Sequence[str], token: str | None = None) -> AsyncIterator[Ear]:
    """A socket with the API key that has tried to join `topics`, as the user of `token` if there is one. Raises
    HandshakeRefused."""
    client = AsyncRealtimeClient(f"{base}/realtime/v1", key, auto_reconnect=False, max_retries=1, timeout=JOIN)
    if token is not None:
        await client.set_auth(token)
    ear = Ear(client)
    try:
        await _connect(client)
        await asyncio.gather(*(ear.join(topic) for topic in topics))
        yield ear
    finally:
        ear.end()
        await _close(client)


@contextmanager
def at_ease(base: str) -> Iterator[None]:
    """Two habits of the client, suspended while a check listens: it logs what it meets as errors, which here is what is
    looked for; and it takes no proxy, but reads the environment in a way of its own, loopback and SOCKS included.

    One at a time: the environment is the process's. Raises SettingsError for a proxy variable that cannot be used.
    """
    log = logging.getLogger("realtime")
    level, environ = log.level, os.environ.copy()
    scheme = "wss" if base.startswith("https") else "ws"
    proxy = proxy_for(base)
    log.setLevel(logging.CRITICAL + 1)
    # In lower case they come before all others (urllib.request.getproxies, websockets.uri.get_proxy).
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
    # The client has no way to give up a socket whose other end is silent.
    socket = client._ws_connection  # noqa: SLF001
    with suppress(TimeoutError, WebSocketException, OSError):
        async with asyncio.timeout(CLOSE):
            await client.close()
    if socket is not None:
        socket.transport.abort()
    # What could not be closed in time has no socket now, and its tasks end.
    await client.close()
    await asyncio.sleep(0)


async def _connect(client: AsyncRealtimeClient) -> None:
    try:
        async with asyncio.timeout(HANDSHAKE):
            await client.connect()
    except InvalidStatus as error:
        raise HandshakeRefused(error.response.status_code, f"HTTP {error.response.status_code}") from None
    except TimeoutError:
        raise HandshakeRefused(None, "no answer") from None
    except (WebSocketException, OSError) as error:
        # Its words may hold the address with the key.
        raise HandshakeRefused(None, type(error).__name__) from None


def _reason(error: Exception | None) -> str:
    """What the server said; empty when it said nothing."""
    if error is None:
        return ""
    try:
        told = json.loads(str(error))
    except (ValueError, RecursionError):
        return type(error).__name__
    reason = told.get("reason") if isinstance(told, dict) else told
    return str(reason)[:200]


__all__ = ["Ear", "HandshakeRefused", "Heard", "at_ease", "listening"]
