"""An event loop whose time passes only while nothing else is to be done: a minute of waiting costs nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

TURNS, MOMENT = 10_000, 1e-9
"""Turns of the loop after which time passes nevertheless, by so many seconds: asyncio runs a timer that is due within
the clock's resolution, and whoever waits for the rest of a nanosecond would wait again for ever."""


class _Selector(selectors.BaseSelector):
    def __init__(self) -> None:
        self.inner = selectors.DefaultSelector()
        self.now = 1000.0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self.inner.select(0)
        self._turns += 1
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing will ever happen")
            if timeout > 0:
                self.now += timeout
                self._turns = 0
        if self._turns > TURNS:
            self.now += MOMENT
            self._turns = 0
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self.inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self.inner.get_map()

    def close(self) -> None:
        self.inner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.now


class LoopClock:
    """A Clock of the running loop's time."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def settle(turns: int = 20) -> None:
    """Let whatever can go on without time passing go on."""
    for _ in range(turns):
        await asyncio.sleep(0)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in virtual time and see that it leaves no task behind."""

    async def watched() -> T:
        result = await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left behind: {sorted(task.get_name() for task in left)}"
        return result

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(watched())


__all__ = ["LoopClock", "VirtualLoop", "run", "settle"]
