"""When a group of questions is asked again: only where the machine stalled meanwhile, and what differed is named."""

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

TRIES = 4
"""Rounds at most."""

STALL = 0.1
"""Seconds that the stand-in and its database may take for next to nothing. Half of the least that changes an answer: a
tenth of a handshake's 2 s, taken for a pause where there is none."""

SHOWN = "default:now and then:UserWarning"
"""A filter for pytest, by which the warning is shown, and no error as others are."""

_EVERY = 0.02

Differences = dict[str, Any]
"""What the real server and the stand-in answered, by question."""


class OnlyNowAndThen(UserWarning):
    """An answer was another one in a round in which the machine stalled, and the real server's in two later ones."""


@dataclass
class Watch:
    """What was seen of the machine during a round."""

    stalled: float = 0.0
    """Seconds of the longest stall."""


async def settled(ask: Callable[[], Awaitable[tuple[Differences, float]]]) -> None:
    """Ask until it is known whether the answers agree. `ask`: a round's differences and its longest stall, in seconds.
    A difference in a round without a stall is one. After a round with both, the next two must agree; then a warning
    names what differed. Raises AssertionError."""
    excused: list[str] = []
    agreed = 0
    for number in range(1, TRIES + 1):
        differences, stalled = await ask()
        if not differences:
            agreed += 1
            if agreed == 2 or not excused:
                break
            continue
        agreed = 0
        said = json.dumps(differences, ensure_ascii=False)
        excused.append(f"now and then: round {number}, with a stall of {stalled:.2f} s: {said}")
        if stalled < STALL:
            raise AssertionError("\n".join(excused))
    else:
        raise AssertionError("no two rounds agree one after the other\n" + "\n".join(excused))
    for words in excused:
        warnings.warn(words, OnlyNowAndThen, stacklevel=2)


@asynccontextmanager
async def watching(stack: Stack) -> AsyncIterator[Watch]:
    """Look all the time how long next to nothing takes the stand-in and its database."""
    watch, over = Watch(), threading.Event()

    def look() -> None:
        with (
            httpx.Client(base_url=stack.url, timeout=60) as http,
            psycopg.connect(stack.admin_db_url, autocommit=True) as connection,
        ):
            while not over.is_set():
                begun = time.monotonic()
                time.sleep(_EVERY)
                http.get("/_control/realtime/state").raise_for_status()
                connection.execute("select 1")
                watch.stalled = max(watch.stalled, time.monotonic() - begun - _EVERY)

    # A thread: the questions themselves hold up the loop, which is no stall.
    looking = asyncio.create_task(asyncio.to_thread(look))
    try:
        yield watch
    finally:
        over.set()
        await looking


__all__ = ["SHOWN", "STALL", "TRIES", "OnlyNowAndThen", "Watch", "settled", "watching"]
