"""Two processes of `umbral-chat serve` on one SQLite file, as an operator would run them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only("two processes on one file")]

START = "import sys; from umbral_chat._core.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Process:
    """A served instance, and a client of it."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient

    async def send(self, room: str, content: str, **body: Any) -> None:
        answer = await self.client.post(f"/v1/conversations/{room}/messages", json={"content": content, **body})
        assert answer.status_code == 201, answer.text

    async def poll(self, room: str, after: str, wait: float = 20, known: str = "") -> httpx.Response:
        headers = {"If-None-Match": known} if known else {}
        query: dict[str, str | float] = {"after": after, "wait": wait}
        return await self.client.get(f"/v1/conversations/{room}/events", params=query, headers=headers)

    async def follow(self, room: str, count: int) -> list[str]:
        """The first `count` messages by long polls from the beginning, as a client that trusts what it gets."""
        contents: list[str] = []
        after = "0"
        while len(contents) < count:
            answer = await self.poll(room, after)
            assert answer.status_code == 200, answer.text
            events = answer.json()
            contents += [entry["content"] for entry in events["entries"] if entry["kind"] == "message"]
            after = events["cursor"]
        return contents


@asynccontextmanager
async def served(database: Path) -> AsyncIterator[Process]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UMBRAL_CHAT_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START, "serve", "--port", "0", "--database", str(database)),
        cwd=database.parent,
        env=environ,
        stderr=asyncio.subprocess.PIPE,
    )
    reading: asyncio.Task[bytes] | None = None
    try:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            while (found := re.search(rb"http://127\.0\.0\.1:\d+", line := await process.stderr.readline())) is None:
                assert line, "it ended before it listened"
        reading = asyncio.create_task(process.stderr.read())
        async with httpx.AsyncClient(base_url=found[0].decode(), timeout=90) as client:
            for _ in range(300):
                try:
                    if (await client.get("/health/live")).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
            yield Process(process, client)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if reading is not None:
            await reading


@pytest.fixture(scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "chat.sqlite3"


@pytest.fixture(scope="module")
async def pair(database: Path) -> AsyncIterator[tuple[Process, Process]]:
    async with served(database) as one, served(database) as other:
        yield one, other


async def test_a_follower_of_either_sees_all_that_is_sent_to_both_once_and_in_order(
    pair: tuple[Process, Process],
) -> None:
    one, other = pair
    readers = [asyncio.create_task(process.follow("all", 200)) for process in (one, other, one, other)]
    for number in range(0, 200, 4):
        await asyncio.gather(
            *(process.send("all", str(number + offset)) for offset, process in enumerate((one, other, one, other)))
        )
    read = await asyncio.wait_for(asyncio.gather(*readers), 60)
    assert sorted(read[0], key=int) == [str(number) for number in range(200)]
    assert all(contents == read[0] for contents in read)


async def test_a_draft_crosses_over_and_ends_with_its_message(pair: tuple[Process, Process]) -> None:
    one, other = pair
    await one.send("drafts", "a question")
    first = await other.poll("drafts", "0")
    after, tag = first.json()["cursor"], first.headers["etag"]
    waiting = asyncio.create_task(other.poll("drafts", after, known=tag))
    await asyncio.sleep(0.5)
    for offset in (0, 5):
        draft = {"message_id": "m1", "offset": offset, "text": "x" * 5}
        assert (await one.client.post("/v1/conversations/drafts/drafts", json=draft)).status_code == 200
    seen: list[str] = []
    while seen[-1:] != ["x" * 10]:
        answer = await asyncio.wait_for(waiting, 30)
        assert answer.status_code == 200
        seen += [draft["text"] for draft in answer.json()["drafts"]]
        waiting = asyncio.create_task(other.poll("drafts", after, known=answer.headers["etag"]))
    await one.send("drafts", "the answer", message_id="m1")
    events = (await asyncio.wait_for(waiting, 30)).json()
    assert ([entry["message_id"] for entry in events["entries"]], events["drafts"]) == (["m1"], [])


async def test_a_client_that_hangs_up_is_not_waited_for(pair: tuple[Process, Process]) -> None:
    one, _ = pair
    polls = [asyncio.create_task(one.poll("left", "0", wait=50)) for _ in range(5)]
    await until_readers(one, 5)
    for poll in polls:
        poll.cancel()
    await until_readers(one, 0)


async def until_readers(one: Process, count: int) -> None:
    """Until so many wait at it. Raises AssertionError."""
    end = monotonic() + 15
    while True:
        metrics = (await one.client.get("/metrics")).text
        found = re.search(r"^umbral_chat_readers\S* (\S+)$", metrics, re.MULTILINE)
        assert found, metrics
        if float(found[1]) == count:
            return
        assert monotonic() < end, f"{found[1]} wait, and not {count}"
        await asyncio.sleep(0.05)


async def test_a_stopping_process_answers_its_waiting_clients_and_the_other_continues(
    pair: tuple[Process, Process], database: Path
) -> None:
    _, other = pair
    async with served(database) as one:
        await one.send("stop", "before")
        after = (await one.poll("stop", "0")).json()["cursor"]
        polls = [asyncio.create_task(one.poll("stop", after)) for _ in range(5)]
        await until_readers(one, 5)
        began = monotonic()
        one.process.send_signal(signal.SIGTERM)
        answers = await asyncio.wait_for(asyncio.gather(*polls), 10)
        assert [(answer.status_code, answer.json()["entries"]) for answer in answers] == [(200, [])] * 5
        # Of its own accord, or by the signal that it raises again when it is done: not by the timeout of a supervisor.
        assert await asyncio.wait_for(one.process.wait(), 15) in {0, -signal.SIGTERM}
        assert monotonic() - began < 10
    waiting = asyncio.create_task(other.poll("stop", after))
    await other.send("stop", "after")
    assert len((await waiting).json()["entries"]) == 1
