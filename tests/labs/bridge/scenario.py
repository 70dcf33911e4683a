"""What is done in one run, in order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter, defaultdict

from tests.labs.kit.http1 import Connection, NoAnswer

from .observations import Answer, Stored, answer_of
from .plan import CHATS, PROCESS, KillAt, Message, Window
from .run import Run
from .script import Script

AWAY = 2.0
"""Seconds that a stopped n8n is away."""

QUIET = 3.0
"""Seconds at the end in which whatever comes too much would come."""

PROGRESS = 30.0
"""Seconds between two lines that say how far it is."""

PAUSE = 0.1
"""Seconds between two tries of a send while an instance is down."""


async def relay_under_faults(run: Run) -> None:
    """Fill `run.observed`. Raises RuntimeError, TimeoutError or NotReady when the run cannot go on."""
    showing: asyncio.Task[None] | None = None
    try:
        # Nothing fails until the bridge is known to relay.
        await run.n8n.follow(Script.of(run.plan, run.drawn, run.n8n.port, began=time.time() + 3_600.0))
        await asyncio.gather(*(service.start() for service in run.services))
        await _relaying(run)
        began = time.monotonic()
        await run.n8n.follow(Script.of(run.plan, run.drawn, run.n8n.port, began=time.time()))
        showing = asyncio.create_task(_show_progress(run, began))
        async with asyncio.TaskGroup() as group:
            for number, batch in enumerate(_batches(run, began)):
                group.create_task(_send(run, number, batch))
            group.create_task(_break_n8n(run, began))
            for kill in run.drawn.kills:
                group.create_task(_kill(run, kill, began))
        run.sent_after = time.monotonic() - run.began
        await _settle(run)
        run.settled_after = time.monotonic() - run.began
        await asyncio.sleep(QUIET)
        for _, conversation in run.plan.places:
            run.observed.answers += await _read(run, conversation)
        for chat in CHATS:
            run.observed.dead[chat.name] = sorted(await run.dead_letters(chat.name))
    finally:
        if showing is not None:
            showing.cancel()
        for service in run.services:
            await service.stop()
        await run.n8n.end()
        run.observed.calls = [one for one in run.n8n.calls() if one.key != PROBE]
        run.observed.executions = [one for one in run.n8n.executions() if one.key != PROBE]


async def _show_progress(run: Run, began: float) -> None:
    """A line now and then: a run that stands still is seen."""
    while True:
        await asyncio.sleep(PROGRESS)
        hows = Counter(one.how or "open" for one in run.n8n.calls())
        calls = ", ".join(f"{how} {count}" for how, count in sorted(hows.items()))
        asked = f"{run.n8n.questions():,} of the API"
        waited = f", {run.open_conversations} conversations open" if run.sent_after else ""
        sent = f"{len(run.observed.stored):,} of {run.plan.messages:,} sent"
        faults = f"{run.killed} kills, {run.outages} outages"
        print(f"{time.monotonic() - began:5.0f} s: {sent}, {faults}; calls: {calls}; {asked}{waited}", flush=True)


PROBE = "probe"
"""In place of a message's key: sent before the run, until it is answered."""


async def _relaying(run: Run) -> None:
    """Until each chat's bridge relays: what was written before its first start is passed over. Raises TimeoutError."""
    async with asyncio.timeout(180.0):
        for chat in CHATS:
            path = f"/v1/conversations/{chat.name}:probe"
            while True:
                body = {"content": PROBE, "sender": {"role": "user", "id": "lab"}}
                await run.call("POST", f"{path}/messages", body)
                await asyncio.sleep(1.0)
                if await _read(run, f"{chat.name}:probe"):
                    break


def _batches(run: Run, began: float) -> list[list[tuple[float, Message]]]:
    """Each conversation's messages with the time of each."""
    batches: defaultdict[str, list[tuple[float, Message]]] = defaultdict(list)
    every = run.plan.seconds / len(run.drawn.messages)
    for number, message in enumerate(run.drawn.messages):
        batches[message.conversation].append((began + number * every, message))
    return list(batches.values())


async def _send(run: Run, number: int, messages: list[tuple[float, Message]]) -> None:
    """Send a conversation's messages in order, each until it is acknowledged, through the instances in turn."""
    turn = number
    connections = [run.connection(instance) for instance in range(len(run.services))]
    try:
        for due, message in messages:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            while not await _sent(run, connections[turn % len(connections)], message):
                turn += 1
                await asyncio.sleep(PAUSE)
    finally:
        for connection in connections:
            connection.close()


async def _sent(run: Run, connection: Connection, message: Message) -> bool:
    body = {"content": message.content, "client_id": message.key, "sender": {"role": "user", "id": "lab"}}
    try:
        answer = await connection.ask("POST", f"/v1/conversations/{message.conversation}/messages", body)
    except NoAnswer:
        return False
    if answer.status in {200, 201}:
        seq = answer.json()["entry"]["seq"]
        run.observed.stored.append(Stored(message.key, message.chat, message.conversation, seq))
        return True
    if answer.status != 503:
        raise RuntimeError(f"a send was answered {answer.status}: {answer.body[:300]!r}")
    return False


async def _break_n8n(run: Run, began: float) -> None:
    """Stop and kill n8n as it was drawn. Its own faults are in its script."""
    for window in run.drawn.windows:
        if window.kind in PROCESS:
            await asyncio.sleep(max(0.0, began + window.begin - time.monotonic()))
            await _outage(run, window)
    # The faults of the script go on to the last window's end.
    await asyncio.sleep(max(0.0, began + run.drawn.windows[-1].end - time.monotonic()))


async def _outage(run: Run, window: Window) -> None:
    if window.kind == "stopped":
        await run.n8n.stop()
        await asyncio.sleep(AWAY)
    else:
        await run.n8n.stop(signal.SIGKILL)
    run.outages += 1
    await run.n8n.start()


async def _kill(run: Run, kill: KillAt, began: float) -> None:
    await asyncio.sleep(max(0.0, began + kill.at - time.monotonic()))
    service = run.services[kill.instance]
    await service.kill()
    run.killed += 1
    await asyncio.sleep(kill.down)
    await service.start()


async def _settle(run: Run) -> None:
    """Until every message was answered, or its run ended otherwise, or the deadline."""
    open_ones: defaultdict[str, set[int]] = defaultdict(set)
    for one in run.observed.stored:
        open_ones[one.conversation].add(one.seq)
    while open_ones and time.monotonic() - run.began < run.plan.deadline:
        for conversation in list(open_ones):
            # The whole log each time: it is short, and few conversations are left after the first look.
            found, busy = await _look(run, conversation)
            # While a run goes on, what came of its answer may yet be followed by all of it.
            if not busy and open_ones[conversation] <= {one.for_seq for one in found}:
                del open_ones[conversation]
        run.open_conversations = len(open_ones)
        await asyncio.sleep(1.0)


async def _read(run: Run, conversation: str) -> list[Answer]:
    return (await _look(run, conversation))[0]


async def _look(run: Run, conversation: str) -> tuple[list[Answer], bool]:
    """What answers the messages of a conversation, by its whole log, and whether a run goes on."""
    found: list[Answer] = []
    cursor = "0"
    while True:
        body = await run.call("GET", f"/v1/conversations/{conversation}/events?after={cursor}&limit=100")
        found += [one for entry in body["entries"] if (one := answer_of(conversation, entry)) is not None]
        cursor = body["cursor"]
        if not body["has_more"]:
            return found, bool(body.get("runs"))


__all__ = ["PROBE", "relay_under_faults"]
