"""What was acknowledged is on the disk: a group is synced before any of its replies is sent, and a kill loses none."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from umbral_chat._core.sqlite.log import hashed_ids
from umbral_chat.model.entries import Message
from umbral_chat.testing.disks import Disk, Event
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.storage import message_id_of, read_all, redact, send

TOKEN = re.compile(rb"token-[0-9]{6}")


class Ledger:
    """Which tokens were handed to the disk, and which of them a sync has covered."""

    def __init__(self) -> None:
        self.written: set[bytes] = set()
        self.synced: set[bytes] = set()
        self.syncs = 0

    def watch(self, event: Event) -> None:
        what, file, data = event
        if file == "wal" and what == "write":
            self.written.update(TOKEN.findall(data))
        elif file == "wal":
            self.synced |= self.written
            self.syncs += 1


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk("watched")
    yield disk
    disk.unregister()


async def test_every_answer_comes_after_the_sync_that_covers_it(tmp_path: Path, disk: Disk) -> None:
    ledger = Ledger()
    disk.watch = ledger.watch
    async with opened(tmp_path / "store.sqlite3", vfs="watched") as storage:
        early: list[str] = []

        async def send_token(sender: int, number: int) -> None:
            token = f"token-{sender:03}{number:03}"
            await send(storage.history, token, f"room{sender % 3}")
            if token.encode() not in ledger.synced:
                early.append(token)

        for number in range(20):
            await asyncio.gather(*(send_token(sender, number) for sender in range(32)))
        assert early == []
        assert len(ledger.synced) == 640


async def test_appends_that_wait_together_share_a_sync(tmp_path: Path, disk: Disk) -> None:
    ledger = Ledger()
    disk.watch = ledger.watch
    groups: list[int] = []
    async with opened(
        tmp_path / "store.sqlite3", vfs="watched", on_commit=lambda entries, _: groups.append(entries)
    ) as storage:
        await send(storage.history)
        before = ledger.syncs
        await asyncio.gather(*(send(storage.history, f"m{number}") for number in range(100)))
        assert 1 <= ledger.syncs - before <= 20
        assert sum(groups) == 101
        assert len(groups) < 30


async def test_each_commit_is_reported_with_its_entries_and_time(tmp_path: Path) -> None:
    reported: list[tuple[int, float]] = []
    async with opened(tmp_path / "s.sqlite3", on_commit=lambda entries, took: reported.append((entries, took))) as it:
        message = message_id_of(await send(it.history, key="k"))
        await send(it.history, key="k")
        await redact(it.history, message)
        await it.history.mark_read("room", "u1", 1)
        await it.store.put("ns", "k", b"")
    assert [entries for entries, _ in reported] == [1, 1], "a repeat, a marker and a record append nothing"
    assert all(0 < took < 60 for _, took in reported)


SENDER = """
import asyncio, sys
from umbral_chat.clock import SystemClock
from umbral_chat._core.sqlite import open_storage
from umbral_chat.testing.storage import send

async def main(path):
    storage = open_storage(path, clock=SystemClock())
    async with storage.lifespan:
        async def send_all(sender):
            number = 0
            while True:
                content = f"{sender}-{number} " + "x" * 300
                sent = await send(storage.history, content, f"room{sender % 2}", key=f"{sender}-{number}-{run}")
                print(f"room{sender % 2}", sent.entry.seq, content.split()[0], flush=True)
                number += 1
        await asyncio.gather(*(send_all(sender) for sender in range(8)))

run = sys.argv[2]
asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.slow
async def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    draw = random.Random(3)
    answered: dict[str, dict[int, str]] = {"room0": {}, "room1": {}}
    for run in range(6):
        for line in killed(path, run, draw.uniform(0.05, 0.4), least=18):
            room, seq, word = line.split()
            assert int(seq) not in answered[room], "a seq was assigned twice"
            answered[room][int(seq)] = f"{word}"
    assert sum(map(len, answered.values())) > 100
    async with opened(path) as storage:
        for room, acknowledged in answered.items():
            entries = await read_all(storage.history, room)
            stored = {entry.seq: entry.content.split()[0] for entry in entries if isinstance(entry, Message)}
            assert stored.items() >= acknowledged.items()
            # In flight at a kill are at most the eight senders' messages.
            assert len(stored) <= len(acknowledged) + 8 * 6


@pytest.mark.slow
async def test_processes_on_one_file_number_together_and_survive_each_other_s_kill(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    sent = await asyncio.gather(*(asyncio.to_thread(killed, path, run, 0.5 + run, least=12) for run in range(2)))
    answered: dict[str, list[int]] = {"room0": [], "room1": []}
    for line in (line for lines in sent for line in lines):
        room, seq, _ = line.split()
        answered[room].append(int(seq))
    assert all(len(lines) > 10 for lines in sent)
    async with opened(path) as storage:
        for room, seqs in answered.items():
            assert len(seqs) == len(set(seqs)), "a seq was assigned twice"
            # `whole` checks that there is no gap.
            assert {entry.seq for entry in await read_all(storage.history, room)} >= set(seqs)


def killed(path: Path, run: int, after: float, *, least: int) -> list[str]:
    """Let senders send, kill them `after` seconds from answer number `least`, and return what they were answered."""
    command = [sys.executable, "-c", SENDER, str(path), str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(least)]
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        # The last line may be cut off: it counts as not answered.
        lines = [*first, *process.stdout.read().splitlines(keepends=True)]
        return [line for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("seq", [1, 9, 10, 255, 2**40, 2**53 - 1])
def test_a_generated_message_id_carries_its_seq(seq: int) -> None:
    drawn = {hashed_ids.generate_id(seq) for _ in range(50)}
    assert len(drawn) == 50
    assert {hashed_ids.seq_in_id(name) for name in drawn} == {seq}
    for other in ("", "m1", "1-", "0-0123456789", "1-0123456789\n", "１-0123456789", "g-0123456789", "x" * 300):
        assert hashed_ids.seq_in_id(other) is None
