"""Rounds of answers that are being written while the instance that takes their pieces is killed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.labs.kit.service import Service

from .verdict import Answer

SILENCE = 2.0
"""Seconds of `core.drafts.silence`: short, so that a round takes seconds."""

PATIENCE = 20.0
"""Seconds after a kill in which an answer must have ended: the silence, the restart on a busy machine, and two reads of
the index."""

WRITING = 2.5
"""Seconds after which a round's kill comes at the latest."""

WAYS = ("continues", "late", "gives up")

BOT = {"role": "assistant", "id": "lab"}


@dataclass
class Deployment:
    """One instance or two on one store; the first one is killed."""

    instances: Sequence[Service]
    http: httpx.AsyncClient

    def url(self, number: int, conversation: str, path: str) -> str:
        service = self.instances[number]
        return f"http://{service.host}:{service.port}/v1/conversations/{conversation}/{path}"

    @property
    def other(self) -> int:
        """The instance that producers and readers use after the kill."""
        return len(self.instances) - 1


async def play_round(deployment: Deployment, number: int, answers: int, draw: random.Random) -> list[Answer]:
    """Write some answers, kill the first instance at a random moment, and wait until each has ended."""
    killed = asyncio.Event()
    texts = ["".join(draw.choice("abc dé漢👋") for _ in range(3_000)) for _ in range(answers)]
    written = [Answer(text, draw.choice(WAYS)) for text in texts]
    names = [f"round-{number}-{place}" for place in range(answers)]
    async with asyncio.TaskGroup() as group:
        for name, answer in zip(names, written, strict=True):
            seed = draw.random()
            group.create_task(_produce(deployment, name, answer, killed, random.Random(seed)))
            group.create_task(_read(deployment, name, answer, killed))
        await asyncio.sleep(draw.uniform(0.05, WRITING))
        await deployment.instances[0].kill()
        for answer in written:
            answer.killed_at = time.monotonic()
        if len(deployment.instances) == 1:
            await deployment.instances[0].start()
        killed.set()
        if len(deployment.instances) > 1:
            await deployment.instances[0].start()
    for name, answer in zip(names, written, strict=True):
        events = await deployment.http.get(deployment.url(deployment.other, name, "events"))
        answer.entries = events.json()["entries"]
    return written


async def _produce(
    deployment: Deployment, name: str, answer: Answer, killed: asyncio.Event, draw: random.Random
) -> None:
    """Write the answer, piece by piece, and after the kill do what its way is."""
    offset = 0
    try:
        while not killed.is_set():
            offset = await _piece(deployment, 0, name, answer, offset, draw.randrange(1, 40))
            await asyncio.sleep(draw.uniform(0.0, 0.05))
    except httpx.TransportError:
        await killed.wait()
    if answer.way == "late" and answer.acknowledged:
        await _until_ended(answer)
    elif answer.way == "continues":
        answer.resumed_at = time.monotonic()
        for _ in range(10):
            offset = await _piece(deployment, deployment.other, name, answer, offset, draw.randrange(1, 40))
            await asyncio.sleep(draw.uniform(0.0, 0.1))
    if answer.way != "gives up":
        body = {"content": answer.whole, "message_id": "answer", "sender": BOT, "client_id": f"{name}-final"}
        answer.final_status = (
            await deployment.http.post(deployment.url(deployment.other, name, "messages"), json=body)
        ).status_code


async def _piece(deployment: Deployment, number: int, name: str, answer: Answer, offset: int, size: int) -> int:
    """Send a piece; where the next one begins."""
    text = answer.whole[offset : offset + size]
    body = {"message_id": "answer", "offset": offset, "text": text, "sender": BOT}
    response = await deployment.http.post(deployment.url(number, name, "drafts"), json=body)
    problem: dict[str, Any] = response.json()
    if response.status_code == 409 and problem["code"] == "draft_offset":
        return int(problem["expected"])
    if response.status_code == 409 and problem["code"] == "draft_ended" and answer.killed_at:
        return offset  # the restart took longer than the silence
    if response.status_code != 200:
        answer.surprises.append(f"a piece was answered with {response.status_code} {problem.get('code')}")
        return offset
    answer.acknowledged.append((time.monotonic(), problem["length"]))
    return int(problem["length"])


async def _read(deployment: Deployment, name: str, answer: Answer, killed: asyncio.Event) -> None:
    """Follow the conversation as a client does, until the answer has ended."""
    while answer.ended_at is None:
        if killed.is_set() and time.monotonic() - answer.killed_at > PATIENCE:
            return
        number = deployment.other if killed.is_set() or len(deployment.instances) > 1 else 0
        try:
            page = (await deployment.http.get(deployment.url(number, name, "events"))).json()
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            continue
        if "drafts" not in page:
            answer.surprises.append(f"a poll was answered with {page.get('code')}")
            return
        answer.read += [draft["text"] for draft in page["drafts"]]
        over = bool(page["entries"]) or (answer.way == "gives up" and not answer.acknowledged)
        if killed.is_set() and over and not page["drafts"]:
            answer.ended_at = time.monotonic()
        await asyncio.sleep(0.1)


async def _until_ended(answer: Answer) -> None:
    while answer.ended_at is None and time.monotonic() - answer.killed_at < PATIENCE:  # noqa: ASYNC110 - the reader knows
        await asyncio.sleep(0.05)


__all__ = ["PATIENCE", "SILENCE", "Deployment", "play_round"]
