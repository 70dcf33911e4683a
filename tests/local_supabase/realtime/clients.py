"""Both real clients on one channel, commanded and heard alike: supabase-py's and supabase-js's."""

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
    """A real client on one channel."""

    lines: list[Line]

    async def until(self, wanted: Callable[[Line], bool], what: str, *, within: float = 45.0) -> Line: ...
    async def tell(self, **command: Any) -> None: ...


class PythonListener:
    """supabase-py's, with the words of the JavaScript program."""

    def __init__(self, client: AsyncRealtimeClient, channel: AsyncRealtimeChannel) -> None:
        self._client, self._channel = client, channel
        self.lines: list[Line] = []
        self._came = asyncio.Event()

    def say(self, **line: Any) -> None:
        self.lines.append(line)
        self._came.set()

    async def until(self, wanted: Callable[[Line], bool], what: str, *, within: float = 45.0) -> Line:
        try:
            async with asyncio.timeout(within):
                while True:
                    self._came.clear()
                    for line in self.lines:
                        if wanted(line):
                            return line
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"{what} did not come; it told {self.lines}") from None

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
    channel.on_broadcast("*", lambda message: listener.say(
        got=message["event"], payload=message["payload"], meta=message.get("meta")))  # fmt: skip
    if _whole(config)["presence"]["enabled"]:
        channel.on_presence_sync(lambda: listener.say(presence=channel.presence_state()))
    channel.on_system(lambda message: listener.say(system=cast("Any", message)["message"]))
    await client.connect()
    await channel.subscribe(lambda status, error: listener.say(status=status.value, error=error and str(error)))
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
    """The channel is joined."""
    return bool(line.get("status") == "SUBSCRIBED")


def got(event: str) -> Callable[[Line], bool]:
    return lambda line: line.get("got") == event


def said(words: str) -> Callable[[Line], bool]:
    """Told as a system message, or as the reason of a status."""
    return lambda line: words in f"{line.get('system')} {line.get('error')}"


async def joined(listener: Listener) -> None:
    await listener.until(subscribed, "being subscribed")


__all__ = ["Line", "Listener", "PythonListener", "got", "javascript", "joined", "python", "said", "subscribed"]
