"""A writer: a message now and then, each sent again with its key until it is acknowledged."""

from __future__ import annotations

import asyncio
import random
import time

from tests.labs.kit.facts import Acknowledgement, Sent, item_of
from tests.labs.kit.http1 import NoAnswer
from tests.labs.kit.run import Flight, Run

AGAIN = 0.05
"""Seconds between two tries."""


async def write(run: Run, writer: int, stop: asyncio.Event, *, every: float) -> None:
    """Write until `stop`, some `every` seconds."""
    name = f"w{writer}"
    draw = random.Random(f"{run.plan.seed}/{name}")
    connection = run.connection(run.instance(writer))
    number = 0
    try:
        while not stop.is_set():
            conversation = draw.choice(run.plan.names)
            sent = Sent(f"{name}-{number}", conversation, name, number, f"{name} says {number} — ü 漢字")
            run.facts.sent[sent.key] = sent
            body = {"content": sent.content, "client_id": sent.key, "sender": {"role": "user", "id": name}}
            flight = Flight(sent.key)
            while True:
                flight.written_at = time.monotonic()
                try:
                    answer = await connection.ask("POST", f"/v1/conversations/{conversation}/messages", body)
                except NoAnswer:
                    await asyncio.sleep(AGAIN)
                    continue
                if answer.status in {200, 201}:
                    break
                run.surprise(f"send {sent.key} was answered {answer.status}: {answer.body[:200]!r}")
                await asyncio.sleep(AGAIN)
            told = answer.json()
            run.acknowledge(Acknowledgement(sent.key, told["created"], item_of(told["entry"])), flight)
            number += 1
            await asyncio.sleep(every * draw.uniform(0.5, 1.5))
    finally:
        connection.close()


__all__ = ["write"]
