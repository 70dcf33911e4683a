"""In every mode, and while it changes, the same calls give the same answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack
from tests.modes.deployment import Deployment, Realtime, alone, deployment, reach
from tests.modes.record import Record, assert_same
from tests.modes.script import Player

NOT_PLAYED = {
    ("GET", "/v1/status"),
    ("GET", "/v1/admin/realtime"),
    ("PUT", "/v1/admin/realtime"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/v1/conversations/{conversation}/stream"),
    ("POST", "/v1/conversations/{conversation}/tickets"),
    ("GET", "/v1/ws"),
    ("POST", "/n8n/{chat}/chat"),
    ("POST", "/v1/session"),
    ("GET", "/v1/session"),
    ("DELETE", "/v1/session"),
    ("POST", "/v1/subscriptions"),
    ("GET", "/v1/subscriptions"),
    ("GET", "/v1/subscriptions/{name}"),
    ("PATCH", "/v1/subscriptions/{name}"),
    ("DELETE", "/v1/subscriptions/{name}"),
    ("POST", "/v1/subscriptions/{name}/claim"),
    ("POST", "/v1/subscriptions/{name}/ack"),
    ("POST", "/v1/subscriptions/{name}/release"),
}
"""What operators ask is about the mode itself, streams are there in some modes only, and subscriptions go by the stored
log, of which no mode is a part, as sessions do by the shared store."""

TRANSITIONS = {
    "off to live": ["off", "on"],
    "live to off": ["off"],
    "live to broken": ["broken"],
    "broken to live": ["broken", "mended"],
}
"""What is done; the last of each happens in the middle of the script, the others before."""


@pytest.fixture
async def entered() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


_reference: list[Record] = []


@pytest.fixture
async def reference(tmp_path: Path) -> Record:
    """The mode that all others are compared with: polling on SQLite, written and read on two instances."""
    if not _reference:
        async with AsyncExitStack() as stack:
            found = await deployment(stack, CORE__DATABASE=str(tmp_path / "reference.sqlite3"))
            _reference.append(await Player(found, "reference-room").play())
    return _reference[0]


@pytest.fixture
async def on_supabase(entered: AsyncExitStack, supabase: Stack) -> AsyncIterator[tuple[Deployment, Realtime]]:
    """Three instances on the project, live, and Realtime to be broken."""
    await command(supabase, "realtime/reset")
    found = await deployment(entered, SUPABASE__URL=supabase.url, SUPABASE__KEY=supabase.secret_key)
    await reach(found.instances, "live")
    yield found, Realtime(supabase, found)
    await command(supabase, "realtime/reset")


async def test_the_script_plays_every_operation_but_those_about_the_mode(reference: Record, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        only = (await deployment(stack, CORE__DATABASE=str(tmp_path / "schema.sqlite3"))).here
        document = (await only.client.get("/schema/openapi.json")).json()
    every = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert reference.operations == every - NOT_PLAYED
    assert reference.modes == {"polling"}


async def test_the_core_alone(reference: Record, entered: AsyncExitStack, tmp_path: Path) -> None:
    found = await alone(entered, CORE__DATABASE=str(tmp_path / "local.sqlite3"))
    player = Player(found, "local-room", edge=False)
    assert_same(reference, await player.play(), only_common=True)
    assert player.record.modes == {"local"}
    assert (await found.here.client.get("/v1/conversations/local-room/events")).status_code == 404


@pytest.mark.parametrize("how", ["live", "switched off", "broken"])
async def test_on_supabase(reference: Record, on_supabase: tuple[Deployment, Realtime], how: str) -> None:
    found, realtime = on_supabase
    if how != "live":
        await realtime.change("off" if how == "switched off" else how)
    record = await Player(found, "supabase-room").play()
    assert_same(reference, record)
    assert record.modes == {"live" if how == "live" else "polling"}


@pytest.mark.parametrize("transition", TRANSITIONS)
async def test_while_the_mode_changes(
    reference: Record, on_supabase: tuple[Deployment, Realtime], transition: str
) -> None:
    found, realtime = on_supabase
    *first, last = TRANSITIONS[transition]
    for how in first:
        await realtime.change(how)
    changing: list[asyncio.Task[None]] = []

    async def before(step: str) -> None:
        if step == "an edit" and not changing:
            changing.append(asyncio.create_task(realtime.change(last)))
        if step == "Grace comes with her desk":
            await asyncio.gather(*changing)  # the rest is played in the mode that it changed to

    record = await Player(found, "changing-room", before=before).play()
    await asyncio.gather(*changing)
    assert_same(reference, record)
    assert record.modes == {"live", "polling"}


async def test_while_it_never_stops_changing(reference: Record, on_supabase: tuple[Deployment, Realtime]) -> None:
    found, realtime = on_supabase
    turns: Iterator[str] = itertools.cycle(["off", "on", "broken", "mended"])
    changing: asyncio.Task[None] | None = None

    async def before(_step: str) -> None:
        nonlocal changing
        if changing is None or changing.done():
            if changing is not None:
                changing.result()
            changing = asyncio.create_task(realtime.change(next(turns)))

    for number in itertools.count():
        record = await Player(found, f"changing-room-{number}", before=before).play()
        assert_same(reference, record)
        if set(realtime.done) == {"off", "on", "broken", "mended"}:
            break
        assert number < 10, realtime.done
    assert changing is not None
    await changing
