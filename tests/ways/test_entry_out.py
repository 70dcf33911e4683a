"""A hint, from Supabase's socket to a waiting reader: the files that it enters are those that CONTRIBUTING.md lists."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.local_supabase.service import N8N, Client, instances
from tests.local_supabase.stack.api import Stack
from tests.ways.page import LEFT_OUT, ROOT, file_of, lines_of, way
from tests.ways.recording import Recording

TIMEOUT = 240.0
REST = 0.5
"""Seconds in which what the start and the long poll set going comes to rest."""
WAY = way("An entry out")
TASKS = ("supabase: read", "transport: supabase", "reader")
"""Those that hand an entry on: the socket's, the transport's supervisor's and the request's. Others tick meanwhile."""
EVENTS = "/v1/conversations/room/events"


async def long_poll(service: Client, after: str) -> list[str]:
    answer = await service.get(EVENTS, headers=N8N, params={"after": after, "wait": 50})
    return [entry["content"] for entry in answer.json()["entries"]]


async def modules_entered(supabase: Stack, folder: Path) -> list[str]:
    """By the second entry that another process sends while a reader waits: the first makes the conversation."""
    stack = folder / "stack.json"
    supabase.write(stack)
    command = [sys.executable, "-m", "tests.ways.sender", str(stack)]
    sender = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert sender.stdin is not None
    assert sender.stdout is not None
    recording = Recording(TASKS)
    recording.install()
    try:
        async with asyncio.timeout(TIMEOUT), instances(supabase) as start:
            # Reconciling would read heads meanwhile.
            service = await start(REALTIME__RECONCILE_INTERVAL="600")
            assert await sender.stdout.readline() == b"ready\n"
            for number in range(2):
                cursor = (await service.get(EVENTS, headers=N8N)).json()["cursor"]
                reader = asyncio.create_task(long_poll(service, cursor), name="reader")
                await asyncio.sleep(REST)
                with recording.recording():
                    sender.stdin.write(f"{number}\n".encode())
                    assert await reader == [str(number)]
                assert await sender.stdout.readline() == b"201\n"
    finally:
        recording.remove()
        sender.kill()
        await sender.wait()
    return [file_of(module) for module in recording.modules if not LEFT_OUT.fullmatch(module)]


async def test_an_entry_enters_the_files_that_the_page_lists(supabase: Stack, tmp_path: Path) -> None:
    found = await modules_entered(supabase, tmp_path)
    assert [path for path in found if path in WAY.steps] == WAY.steps, "entered in another order"
    assert {*found} - {*WAY.steps, *WAY.called} == set()
    assert {*WAY.steps, *WAY.called} - {*found} == set()


def test_the_way_is_short_and_each_step_says_what_it_does() -> None:
    assert len(WAY.steps) <= 9
    assert not set(WAY.steps) & WAY.called
    assert all(len(verb.split()) >= 3 for verb in WAY.verbs)
    long = {path: lines for path in {*WAY.steps, *WAY.called} if (lines := lines_of(path)) > 300}
    assert not long
