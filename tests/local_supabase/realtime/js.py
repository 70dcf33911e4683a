"""The browser's real client (supabase-js) in a program that Node runs: it prints JSON lines, for which a test waits."""

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
"""Bytes of a line. A longer one ends the reading, so that not even the program's end is noticed."""

SCRIPT = Path(__file__).parent / "js" / "client.mjs"


class Program:
    """A running program. `lines` is what it printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[Line] = []

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool], what: str, *, within: float = 45.0
    ) -> dict[str, Any]:
        """The first line that `wanted` accepts, including those printed before. Raises AssertionError."""
        assert self._process.stdout is not None
        for known in self.lines:
            if wanted(known):
                return known
        try:
            async with asyncio.timeout(within):
                while text := await self._process.stdout.readline():
                    line: Line = json.loads(text)
                    self.lines.append(line)
                    if wanted(line):
                        return line
        except TimeoutError:
            pass
        raise AssertionError(f"{what} did not arrive; it printed {self.lines}")

    async def read_lines(self) -> AsyncIterator[tuple[Line, float]]:
        """Each line from now on, with the time at which it was read (monotonic seconds), until the program ends.
        They are not added to `lines`: for a program that prints much."""
        assert self._process.stdout is not None
        while text := await self._process.stdout.readline():
            yield json.loads(text), time.monotonic()

    async def tell(self, **command: Any) -> None:
        """Send the program a command as a JSON line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def program(script: Path = SCRIPT, **options: Any) -> AsyncIterator[Program]:
    """Run a script that uses supabase-js, with these options; it ends with the block."""
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
