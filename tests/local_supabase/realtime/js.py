"""A real browser client's program, run by Node: it prints JSON lines, and a test waits for them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.local_supabase.stack.npm import modules, node

Line = dict[str, Any]

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes. Past it reading ends, and so does noticing that the program ended."""

SCRIPT = Path(__file__).parent / "js" / "client.mjs"


class Program:
    """Running. `lines` is what it printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[Line] = []

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool], what: str, *, within: float = 45.0
    ) -> dict[str, Any]:
        """The first line, from now on or before, that is `wanted`. Raises AssertionError."""
        assert self._process.stdout is not None
        for line in self.lines:
            if wanted(line):
                return line
        try:
            async with asyncio.timeout(within):
                while text := await self._process.stdout.readline():
                    told: Line = json.loads(text)
                    self.lines.append(told)
                    if wanted(told):
                        return told
        except TimeoutError:
            pass
        raise AssertionError(f"{what} did not come; it printed {self.lines}")

    async def told(self) -> AsyncIterator[tuple[Line, float]]:
        """Each line from now on, with the moment at which it came (monotonic seconds), until the program ends. They are
        not kept: for a program that prints for long."""
        assert self._process.stdout is not None
        while text := await self._process.stdout.readline():
            yield json.loads(text), time.monotonic()

    async def tell(self, **command: Any) -> None:
        """Have it do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def program(script: Path = SCRIPT, **options: Any) -> AsyncIterator[Program]:
    """supabase-js in a script, with these options; it ends with the block."""
    home = await asyncio.to_thread(modules)
    process = await asyncio.create_subprocess_exec(
        str(node()),
        str(script),
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=None,
        limit=LINE_LIMIT,
        env=os.environ | {"MODULES": str(home / "node_modules")},
    )
    try:
        yield Program(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


__all__ = ["Program", "program"]
