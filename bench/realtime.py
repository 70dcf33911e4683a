"""`make bench NAME=realtime`: what the live link does on a local Supabase. Prints tables and writes
`bench/REALTIME.md`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from bench.instance import Follower, Instance, send
from bench.realtime_page import IDLE, MESSAGES, Bytes, Found, Load, page
from bench.supabase import service
from tests.labs.kit.proxy import Proxy, proxy
from tests.local_supabase.process import stack_process
from tests.local_supabase.stack.api import Stack

RUNS, SAMPLES = 3, 150
CONVERSATIONS = 4
SETTLED = 20.0
"""Seconds after which polling has come to its slowest pace, and all else to rest."""


async def measure() -> Found:
    """Start everything, and measure."""
    found = Found()
    with tempfile.TemporaryDirectory() as folder, stack_process(Path(folder), fast=False) as stack:
        await _roomy(stack)
        await _live(found, stack)
        await _polling(found, stack)
    return found


async def _live(found: Found, stack: Stack) -> None:
    async with AsyncExitStack() as entered:
        one = Instance(await asyncio.to_thread(entered.enter_context, service(stack)))
        await one.becomes("live")
        await _idle(found, "one instance, live", [one])
        await _load(found, "one instance", one, one, [one])
        between, url = await entered.enter_async_context(proxy(stack.url))
        two = Instance(await asyncio.to_thread(entered.enter_context, service(stack, SUPABASE__URL=url)))
        await two.becomes("live")
        await _idle(found, "second instance, live", [two], between)
        await _load(found, "two instances", one, two, [one, two], between)
        for number in range(RUNS):
            _say(f"run {number + 1} of {RUNS}: sent to delivered")
            await _latency(found, "another instance, live", one, two)
            await _latency(found, "the same instance", one, one)


async def _polling(found: Found, stack: Stack) -> None:
    """For comparison."""
    async with AsyncExitStack() as entered:
        between, url = await entered.enter_async_context(proxy(stack.url))
        off = {"SUPABASE__REALTIME": "false"}
        one = Instance(await asyncio.to_thread(entered.enter_context, service(stack, **off)))
        two = Instance(await asyncio.to_thread(entered.enter_context, service(stack, **off | {"SUPABASE__URL": url})))
        await two.becomes("polling")
        await _idle(found, "second instance, polling", [two], between)
        await _latency(found, "another instance, polling", one, two)


async def _latency(found: Found, name: str, sender: Instance, reader: Instance) -> None:
    """Each message is sent when the long poll waits, and the next when both had their answers."""
    conversation = f"latency-{name.replace(' ', '-').replace(',', '')}"
    connection, follower = sender.connection(), Follower(reader, conversation)
    await follower.catch_up(await send(connection, conversation))
    append, delivered = [], []
    for _ in range(SAMPLES):
        waiting = asyncio.create_task(follower.next())
        await asyncio.sleep(0.03)  # the poll is there and waits
        begun = time.perf_counter()
        key = await send(connection, conversation)
        append.append(time.perf_counter() - begun)
        at, keys = await waiting
        assert keys == [key]
        delivered.append(at - begun)
    found.append.setdefault(name, []).append(append)
    found.delivered.setdefault(name, []).append(delivered)


async def _load(
    found: Found,
    name: str,
    sender: Instance,
    reader: Instance,
    instances: list[Instance],
    between: Proxy | None = None,
) -> None:
    """As many senders as conversations, each waiting for its answer, so that in each the entries come in order."""
    _say(f"{MESSAGES:,} messages: {name}")
    names = [f"load-{name.replace(' ', '-')}-{number}" for number in range(CONVERSATIONS)]
    followers = [Follower(reader, conversation) for conversation in names]
    for conversation, follower in zip(names, followers, strict=True):
        await follower.catch_up(await send(sender.connection(), conversation))
    expected = MESSAGES // CONVERSATIONS

    async def follow(follower: Follower) -> None:
        seen = 0
        while seen < expected:
            seen += len((await follower.next())[1])

    async def work(conversation: str) -> None:
        connection = sender.connection()
        for _ in range(expected):
            await send(connection, conversation)

    async def everything() -> None:
        following = [asyncio.create_task(follow(follower)) for follower in followers]
        await asyncio.sleep(0.2)
        await asyncio.gather(*(work(conversation) for conversation in names), *following)

    found.loads[name] = await _costs(everything, reader, instances, between)


async def _idle(found: Found, name: str, instances: list[Instance], between: Proxy | None = None) -> None:
    """One long poll waits all the time, and nothing happens."""
    _say(f"{IDLE:.0f} s idle: {name}")
    follower = Follower(instances[-1], "nothing-happens-here")
    waiting = asyncio.create_task(follower.next())
    await asyncio.sleep(SETTLED)
    found.idle[name] = await _costs(lambda: asyncio.sleep(IDLE), instances[-1], instances, between)
    waiting.cancel()


async def _costs(
    do: Callable[[], Awaitable[object]], reader: Instance, instances: list[Instance], between: Proxy | None
) -> Load:
    async def calls() -> float:
        return sum([(await instance.counts())["calls"] for instance in instances])

    before = await calls(), (await reader.counts())["reads"], _bytes(between)
    begun = time.perf_counter()
    await do()
    seconds = time.perf_counter() - begun
    after = await calls(), (await reader.counts())["reads"], _bytes(between)
    return Load(seconds, after[0] - before[0], after[1] - before[1], after[2] - before[2])


def _bytes(between: Proxy | None) -> Bytes:
    passed = between.passed if between is not None else {}
    sockets = sum(number for path, number in passed.items() if path.endswith("/websocket"))
    return Bytes(sockets, sum(passed.values()) - sockets)


async def _roomy(stack: Stack) -> None:
    """The stand-in's rate is a plan's; what is measured here is not that."""
    async with httpx.AsyncClient(base_url=stack.url) as http:
        limits = {"events_per_second": 1_000_000}
        (await http.post("/_control/realtime/limits", json=limits)).raise_for_status()


def _say(text: str) -> None:
    print(f"{text} …", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print, write."""
    text = page(asyncio.run(measure()))
    print(text)
    (Path(__file__).parent / "REALTIME.md").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
