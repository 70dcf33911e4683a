"""Base of the contract suites: a provider that hangs fails its test, which says the guarantee and where it waits."""

from __future__ import annotations

import asyncio
import functools
import inspect
import linecache
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

CLEARING = 5.0
"""Seconds that a test which hung gets to let go of its rig after it was cancelled."""


class BoundedSuite:
    """Each `async def test_…` of a subclass is run with a bound on all that it waits for.

    What blocks the event loop itself, such as a synchronous call that does not return, cannot be ended from inside it:
    `pytest-timeout` can.
    """

    patience: float = 180.0
    """Seconds that one test may take, its rig included. Far more than any takes on a slow machine: what goes on for
    longer hangs."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, test in list(vars(cls).items()):
            if name.startswith("test_") and inspect.iscoroutinefunction(test) and not hasattr(test, "is_bounded"):
                setattr(cls, name, _bounded(name, test))


def _bounded(name: str, test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def bounded(self: BoundedSuite, *positional: Any, **named: Any) -> None:
        # In a task of its own, so that one that does not mind being cancelled cannot hold up the run.
        running = asyncio.ensure_future(test(self, *positional, **named))
        try:
            await asyncio.wait({running}, timeout=self.patience)
            if running.done():
                running.result()
                return
            places = list(_places(running))
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait({running}, timeout=CLEARING)
        where = "".join(f"\n  {place}" for place in places) or " nobody knows where"
        raise AssertionError(
            f"The guarantee hung: {name.removeprefix('test_').replace('_', ' ')}. After {self.patience:g} s it still "
            f"waits, innermost last:{where}"
        )

    bounded.is_bounded = True  # type: ignore[attr-defined]
    return bounded


def _places(task: asyncio.Future[Any]) -> Iterator[str]:
    """The lines at which a task waits, the outermost first."""
    awaited: Any = task.get_coro() if isinstance(task, asyncio.Task) else None
    while awaited is not None:
        for kind in ("cr", "gi", "ag"):
            if isinstance(frame := getattr(awaited, f"{kind}_frame", None), FrameType):
                file, line = frame.f_code.co_filename, frame.f_lineno
                yield f"{Path(file).name}:{line}, in {frame.f_code.co_name}: {linecache.getline(file, line).strip()}"
                awaited = getattr(awaited, f"{kind}_await", None) or getattr(awaited, f"{kind}_yieldfrom", None)
                break
        else:
            return


__all__ = ["BoundedSuite"]
