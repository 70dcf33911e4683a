"""The scenario of one run: `converse` while the store is killed again and again, one more kill, then a fresh read."""

from __future__ import annotations

from tests.labs.kit.facts import Item
from tests.labs.kit.scenario import converse, read_afresh

from .killer import kill_often
from .run import CrashRun


async def torture(run: CrashRun) -> None:
    """Fill `run.facts`; raises RunAborted, TimeoutError or NotReady when the run cannot be finished."""
    pool: dict[Item, Item] = {}
    try:
        await run.service.start()
        await converse(run, pool, kill_often(run))
        # Whatever is read from now on was on disk: nothing of the process that took the sends is left.
        await run.service.kill()
        await run.store.crash()
        await run.store.recover()
        await run.service.start()
        await read_afresh(run, pool)
    finally:
        await run.service.stop()


__all__ = ["torture"]
