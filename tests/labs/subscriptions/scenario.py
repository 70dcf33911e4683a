"""What is done in one run, in order."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from .ends import end_some
from .plan import KillAt, Message
from .pull_verdict import may_be_taken
from .run import BROKEN, PULL, STEADY, Run
from .sender import Sender
from .verdict import Place, place_of
from .workers import Worker

SENDERS = 8

RETRIED_WITHIN = 60.0
"""Seconds after which dead letters that were retried must have been delivered."""

QUIET = 3.0
"""Seconds at the end in which whatever comes too much would come."""


async def subscribe_under_faults(run: Run) -> None:
    """Fill `run.observed`. Raises RuntimeError, TimeoutError or NotReady when the run cannot go on."""
    workers: list[asyncio.Task[None]] = []
    try:
        await run.receiver.listen()
        await asyncio.gather(*(service.start() for service in run.services))
        await _subscribe(run)
        workers += [asyncio.create_task(Worker(run.pull, number).work()) for number in range(run.plan.workers)]
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for batch in _batches(run, began):
                group.create_task(Sender([run.connection(0), run.connection(1)], run.observed).send(batch))
            group.create_task(_break(run, began))
            for kill in run.drawn.kills:
                group.create_task(_kill(run, kill, began))
        run.sent_after = time.monotonic() - run.began
        run.pull.calm = True
        await _settle(run)
        run.settled_after = time.monotonic() - run.began
        await asyncio.sleep(QUIET)
        for name in (STEADY, BROKEN, PULL):
            run.observed.dead[name] = sorted(await run.dead_letters(name))
        await end_some(run)
        await _retry(run)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await run.receiver.close()
        for service in run.services:
            await service.stop()


async def _subscribe(run: Run) -> None:
    filters = {"prefix": f"subs.{run.plan.seed}."}
    for name in (STEADY, BROKEN):
        push = {"url": f"http://127.0.0.1:{run.receiver.port}/{name}"}
        body = {"name": name, "filter": filters, "start": "now", "push": push}
        made = await run.call("POST", "/v1/subscriptions", body, expect=201)
        run.receiver.secrets[name] = made["secret"]
        run.names[name] = made["consumer"]
    body = {"name": PULL, "filter": filters, "start": "now"}
    run.names[PULL] = (await run.call("POST", "/v1/subscriptions", body, expect=201))["consumer"]


def _batches(run: Run, began: float) -> list[list[tuple[float, Message]]]:
    """Each sender's messages with the time of each: a conversation is one sender's alone, for the sake of its order."""
    owners: dict[str, int] = {}
    batches: defaultdict[int, list[tuple[float, Message]]] = defaultdict(list)
    every = run.plan.seconds / len(run.drawn.messages)
    for number, message in enumerate(run.drawn.messages):
        owner = owners.setdefault(message.conversation, len(owners) % SENDERS)
        batches[owner].append((began + number * every, message))
    return list(batches.values())


async def _break(run: Run, began: float) -> None:
    """Have the receiver fail as it was drawn."""
    for window in run.drawn.windows:
        await asyncio.sleep(max(0.0, began + window.begin - time.monotonic()))
        await run.receiver.fail(window.kind, window.end - window.begin)


async def _kill(run: Run, kill: KillAt, began: float) -> None:
    await asyncio.sleep(max(0.0, began + kill.at - time.monotonic()))
    service = run.services[kill.instance]
    await service.kill()
    run.killed += 1
    await asyncio.sleep(kill.down)
    await service.start()


async def _settle(run: Run) -> None:
    """Until everything was delivered and the dead letters are as many as they must be, or the deadline."""
    # How long it takes to send is the store's and the machine's affair.
    sent_at = time.monotonic()
    while time.monotonic() - sent_at < run.plan.deadline:
        await asyncio.sleep(1.0)
        if not _missing(run) and not await _undead(run):
            return


def _missing(run: Run) -> int:
    """Entries that were not taken yet."""
    taken: dict[str, set[Place]] = {STEADY: set(), BROKEN: set(), PULL: set()}
    for delivery in run.observed.deliveries:
        if delivery.answered is not None:
            taken[delivery.subscription].add(place_of(delivery.event))
    for claim in run.observed.claims:
        if claim.finish == "ack" and may_be_taken(claim):
            taken[PULL].update(map(place_of, claim.events))
    stored = {(one.conversation, one.seq) for one in run.observed.stored}
    return sum(len(stored - taken[name] - run.undeliverable[name]) for name in taken)


async def _undead(run: Run) -> int:
    """Dead letters that are still to come."""
    missing = 0
    for name, expected in run.undeliverable.items():
        missing += max(0, len(expected) - len(await run.dead_letters(name)))
    return missing


async def _retry(run: Run) -> None:
    """Mend everything, retry the dead letters, and see that they are delivered and leave the dead letter."""
    run.receiver.mend()
    run.pull.unfinished = frozenset()
    names = [name for name in (BROKEN, PULL) if run.observed.dead[name]]
    for name in names:
        await run.consumers("retry", run.names[name], "--all")
    deadline = time.monotonic() + RETRIED_WITHIN
    for name in names:
        while True:
            run.observed.left[name] = await run.dead_letters(name)
            if not run.observed.left[name] or time.monotonic() > deadline:
                break
            await asyncio.sleep(1.0)


__all__ = ["subscribe_under_faults"]
