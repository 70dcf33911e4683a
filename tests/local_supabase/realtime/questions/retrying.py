"""Repeats a group of questions, only where the machine stalled meanwhile, and names what differed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from tests.local_supabase.stack.api import Stack

MAX_ROUNDS = 4
"""Most rounds."""

STALL = 0.1
"""Seconds that trivial requests to the stand-in and its database may take. Half of the shortest delay that changes an
answer: a tenth of a handshake's 2 s, which would count as a pause."""

SHOW_WARNING = "default:intermittent:UserWarning"
"""A filter for pytest that shows this warning, instead of raising it like others."""

_INTERVAL = 0.02

Differences = dict[str, Any]
"""The real server's and the stand-in's answers that differ, by question."""


class IntermittentDifference(UserWarning):
    """An answer differed in a round in which the machine stalled, and was the real server's in two later ones."""


@dataclass
class StallWatch:
    """Measurements of the machine during a round."""

    stalled: float = 0.0
    """Seconds of the longest stall."""


async def ask_until_settled(ask: Callable[[], Awaitable[tuple[Differences, float]]]) -> None:
    """Repeat rounds until it is certain whether the answers agree. `ask` returns a round's differences and its longest
    stall, in seconds. A difference in a round without a stall is certain. After a round with both, the next two must
    agree; then a warning names what differed. Raises AssertionError."""
    excused: list[str] = []
    agreed = 0
    for number in range(1, MAX_ROUNDS + 1):
        differences, stalled = await ask()
        if not differences:
            agreed += 1
            if agreed == 2 or not excused:
                break
            continue
        agreed = 0
        text = json.dumps(differences, ensure_ascii=False)
        excused.append(f"intermittent: round {number}, with a stall of {stalled:.2f} s: {text}")
        if stalled < STALL:
            raise AssertionError("\n".join(excused))
    else:
        raise AssertionError("no two rounds agree one after the other\n" + "\n".join(excused))
    for words in excused:
        warnings.warn(words, IntermittentDifference, stacklevel=2)


@asynccontextmanager
async def watch_for_stalls(stack: Stack) -> AsyncIterator[StallWatch]:
    """Measure all the time how long trivial requests to the stand-in and its database take."""
    watch, over = StallWatch(), threading.Event()

    def measure() -> None:
        with (
            httpx.Client(base_url=stack.url, timeout=60) as http,
            psycopg.connect(stack.admin_db_url, autocommit=True) as connection,
        ):
            while not over.is_set():
                begun = time.monotonic()
                time.sleep(_INTERVAL)
                http.get("/_control/realtime/state").raise_for_status()
                connection.execute("select 1")
                watch.stalled = max(watch.stalled, time.monotonic() - begun - _INTERVAL)

    # In a thread: the questions themselves block the loop, which is no stall.
    measuring = asyncio.create_task(asyncio.to_thread(measure))
    try:
        yield watch
    finally:
        over.set()
        await measuring


__all__ = [
    "MAX_ROUNDS",
    "SHOW_WARNING",
    "STALL",
    "IntermittentDifference",
    "StallWatch",
    "ask_until_settled",
    "watch_for_stalls",
]
