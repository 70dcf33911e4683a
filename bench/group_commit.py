"""`python -m bench.group_commit`: what the writer's lingering brings and costs, by senders and by how slow the disk is.

Senders that each append again as soon as they are answered, a work queue as the store has it, and a thread that
sleeps in place of a commit. Appends a second without lingering and with it, medians of interleaved runs.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time

from umbral_chat._core.sqlite.engine import work_queue
from umbral_chat._core.sqlite.engine.work_queue import WorkQueue
from umbral_chat._core.sqlite.log.writer import GROUP_LIMIT

SENDERS = (1, 2, 3, 4, 32)
COMMITS = {"0.2 ms": 0.0002, "2 ms": 0.002, "20 ms": 0.02}
"""Seconds that a commit takes: on a fast disk, on a common one, and on a slow one."""

RUNS, SECONDS = 5, 0.6


async def appends(senders: int, commit: float, linger: float) -> float:
    """Appends a second."""
    work_queue.LINGER = linger
    queue, loop = WorkQueue(1000, together=GROUP_LIMIT), asyncio.get_running_loop()

    def work() -> None:
        while (group := queue.take(GROUP_LIMIT)) is not None:
            time.sleep(commit)
            queue.reply(loop, [(one, None) for one in group])

    queue.open()
    thread = threading.Thread(target=work)
    thread.start()
    end, answered = loop.time() + SECONDS, 0

    async def send() -> None:
        nonlocal answered
        while loop.time() < end:
            await queue.submit(lambda _: None)
            answered += 1

    await asyncio.gather(*(send() for _ in range(senders)))
    queue.close()
    await asyncio.to_thread(thread.join)
    return answered / SECONDS


def main() -> None:
    linger = work_queue.LINGER
    print("| senders | a commit takes | appends/s without lingering | with | ratio |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for name, commit in COMMITS.items():
        for senders in SENDERS:
            pairs = [
                (asyncio.run(appends(senders, commit, 0.0)), asyncio.run(appends(senders, commit, linger)))
                for _ in range(RUNS)
            ]
            without, with_it = (statistics.median(each) for each in zip(*pairs, strict=True))
            ratio = statistics.median(b / a for a, b in pairs)
            print(f"| {senders} | {name} | {without:,.0f} | {with_it:,.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
