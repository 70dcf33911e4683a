"""The two real clients, supabase-py and supabase-js, on one channel, behind one interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast

from realtime import AsyncRealtimeChannel, AsyncRealtimeClient

from tests.local_supabase.stack.api import Stack

from .js import program

Line = dict[str, Any]


class Listener(Protocol):
    """A real client on one channel. `lines` is what it reported so far; `tell` sends it a command."""

    lines: list[Line]

    async def until(self, wanted: Callable[[Line], bool], what: str, *, within: float = 45.0) -> Line: ...
    async def tell(self, **command: Any) -> None: ...


class PythonListener:
    """supabase-py, with the commands and lines of the JavaScript program."""

    def __init__(self, client: AsyncRealtimeClient, channel: AsyncRealtimeChannel) -> None:
        self._client, self._channel = client, channel
        self.lines: list[Line] = []
        self._arrived = asyncio.Event()

    def report(self, **line: Any) -> None:
        self.lines.append(line)
        self._arrived.set()

    async def until(self, wanted: Callable[[Line], bool], what: str, *, within: float = 45.0) -> Line:
        try:
            async with asyncio.timeout(within):
                while True:
                    self._arrived.clear()
                    for line in self.lines:
                        if wanted(line):
                            return line
                    await self._arrived.wait()
        except TimeoutError:
            raise AssertionError(f"{what} did not arrive; it reported {self.lines}") from None

    async def tell(self, **command: Any) -> None:
        if "send" in command:
            await self._channel.send_broadcast(command["send"], command["payload"])
        if "track" in command:
            await self._channel.track(command["track"])
        if "token" in command:
            await self._client.set_auth(command["token"])


@asynccontextmanager
async def python(
    stack: Stack, topic: str, *, token: str | None = None, config: dict[str, Any] | None = None, key: str | None = None
) -> AsyncIterator[PythonListener]:
    url = stack.url.replace("http://", "ws://") + "/realtime/v1"
    client = AsyncRealtimeClient(url, key or stack.publishable_key, initial_backoff=0.2, max_retries=10)
    if token:
        await client.set_auth(token)
    channel = client.channel(topic, cast("Any", {"config": _whole(config)}))
    listener = PythonListener(client, channel)
    channel.on_broadcast("*", lambda message: listener.report(
        got=message["event"], payload=message["payload"], meta=message.get("meta")))  # fmt: skip
    if _whole(config)["presence"]["enabled"]:
        channel.on_presence_sync(lambda: listener.report(presence=channel.presence_state()))
    channel.on_system(lambda message: listener.report(system=cast("Any", message)["message"]))
    await client.connect()
    await channel.subscribe(lambda status, error: listener.report(status=status.value, error=error and str(error)))
    try:
        yield listener
    finally:
        await client.close()


@asynccontextmanager
async def javascript(
    stack: Stack, topic: str, *, token: str | None = None, config: dict[str, Any] | None = None, key: str | None = None
) -> AsyncIterator[Listener]:
    async with program(
        url=stack.url, key=key or stack.publishable_key, topic=topic, token=token, config=config or {}
    ) as running:
        yield running


def _whole(config: dict[str, Any] | None) -> dict[str, Any]:
    return {"broadcast": {}, "presence": {"key": "", "enabled": False}, "private": False} | (config or {})


def subscribed(line: Line) -> bool:
    """Whether the line reports a joined channel."""
    return bool(line.get("status") == "SUBSCRIBED")


def got(event: str) -> Callable[[Line], bool]:
    return lambda line: line.get("got") == event


def said(words: str) -> Callable[[Line], bool]:
    """Matches a line whose system message or error contains these words."""
    return lambda line: words in f"{line.get('system')} {line.get('error')}"


async def joined(listener: Listener) -> None:
    await listener.until(subscribed, "being subscribed")


__all__ = ["Line", "Listener", "PythonListener", "got", "javascript", "joined", "python", "said", "subscribed"]
