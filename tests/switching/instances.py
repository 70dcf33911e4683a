"""Service processes on the local Supabase, and what is asked of one."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service
from tests.labs.kit.standstill import TICK, noted, stood_still
from tests.local_supabase.stack.api import Stack


class Instance:
    """One process, and a connection for the questions of a test. It can be killed and started again."""

    victim = "the service"

    def __init__(self, stack: Stack, folder: Path, **settings: str) -> None:
        folder.mkdir(exist_ok=True)
        supabase = {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}
        self.service = Service("umbral-chat serve", folder, **(supabase | settings))
        self._connection = Connection(self.service.host, self.service.port)

    async def crash(self) -> None:
        """`kill -9`."""
        self._connection.close()
        await self.service.kill()

    async def recover(self) -> None:
        """Start it."""
        await self.service.start()

    def hang_up(self) -> None:
        """Close the connection of the questions."""
        self._connection.close()

    async def status(self) -> dict[str, Any]:
        """`GET /v1/status`."""
        found: dict[str, Any] = await self.ask("GET", "/v1/status")
        return found

    async def switch(self, *, on: bool) -> dict[str, Any]:
        """`PUT /v1/admin/realtime`; the toggle as it is then."""
        found: dict[str, Any] = await self.ask("PUT", "/v1/admin/realtime", {"enabled": on})
        return found

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer that must be a good one."""
        answer = await self._connection.ask(method, path, body, timeout=20.0)
        assert answer.status == 200, (method, path, answer)
        return answer.json()

    async def tasks(self) -> int:
        """Asyncio tasks of the process, the one that answers included."""
        text = (await self._connection.ask("GET", "/metrics", timeout=20.0)).body.decode()
        found = re.search(r"^umbral_chat_tasks (\S+)$", text, re.MULTILINE)
        assert found, text
        return int(float(found[1]))

    async def is_live(self) -> bool:
        """Whether Realtime brings what happens elsewhere."""
        return bool((await self.status())["mode"] == "live")

    async def sees(self, *, on: bool) -> bool:
        """Whether the switch took effect here: the toggle is known, and the transport runs or does not."""
        status = await self.status()
        (pushing,) = (one for one in status["transports"] if one["name"] == "supabase")
        state = pushing["state"]["state"]
        in_effect = state != "off" if on else state == "off" and status["mode"] == "polling"
        return bool(status["realtime"]["enabled"] is on and in_effect)


@contextlib.asynccontextmanager
async def running(stack: Stack, folder: Path, count: int = 2, **settings: str) -> AsyncIterator[list[Instance]]:
    """So many instances, live. They are stopped afterwards."""
    instances = [Instance(stack, folder / str(number), **settings) for number in range(count)]
    try:
        await asyncio.gather(*(one.service.start() for one in instances))
        for one in instances:
            await until(one.is_live, within=20.0)
        yield instances
    finally:
        for one in instances:
            one.hang_up()
        await asyncio.gather(*(one.service.stop() for one in instances))


async def until(holds: Callable[[], Coroutine[Any, Any, bool]], *, within: float, every: float = 0.02) -> float:
    """Wait until it holds; the seconds that it took, without those in which the machine stood still. Raises
    AssertionError past `within` seconds."""
    begun = time.monotonic()
    async with noted() as standstills:
        while not await holds():
            assert time.monotonic() - begun < within, f"not within {within} s: {holds}"
            await asyncio.sleep(every)
        ended = time.monotonic()
        await asyncio.sleep(2 * TICK)  # one at the very end is noted, too
        return ended - begun - stood_still(standstills, begun, ended)


__all__ = ["Instance", "running", "until"]
