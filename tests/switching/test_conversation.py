"""Realtime off for one conversation: its members are told nothing, its readers as soon, and every instance knows."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.labs.kit.http1 import Connection
from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

from .instances import Instance, running

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="the services die with the test")]

ROOM = "/v1/conversations/room"


async def test_off_for_one_conversation_is_known_everywhere_and_outlives_a_restart(
    supabase: Stack, tmp_path: Path
) -> None:
    await command(supabase, "realtime/reset")
    # Reconciling would bring it after two minutes.
    async with running(supabase, tmp_path, REALTIME__RECONCILE_INTERVAL="120") as instances:
        here, there = instances
        await say(here, "everybody hears this")
        assert told(supabase) == ([1], [1])
        changed = await here.ask("PATCH", ROOM, {"realtime": "off"})
        assert changed["realtime"] == "off"
        assert (await there.ask("GET", ROOM))["realtime"] == "off"
        assert told(supabase) == ([1, 2], [1, 2]), "the update that turns it off is the last that members hear"

        await say(here, "members are told nothing of this")
        await here.ask("PATCH", ROOM, {"title": "nor of this"})
        assert told(supabase) == ([1, 2, 3, 4], [1, 2])
        page = await quick(here, there, await cursor(there))
        assert (page["entries"][0]["seq"], page["mode"]) == (5, "live"), "the mode is the service's"

        await asyncio.gather(*(instance.crash() for instance in instances))
        await asyncio.gather(*(instance.recover() for instance in instances))
        assert [(await instance.ask("GET", ROOM))["realtime"] for instance in instances] == ["off", "off"]
        await say(there, "still silent")
        assert told(supabase)[1] == [1, 2]
        await there.ask("PATCH", ROOM, {"realtime": "inherit"})
        await say(here, "heard again")
        assert told(supabase) == ([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 7, 8])


async def say(instance: Instance, content: str) -> None:
    connection = Connection(instance.service.host, instance.service.port)
    answer = await connection.ask("POST", f"{ROOM}/messages", {"content": content})
    connection.close()
    assert answer.status == 201, answer


async def cursor(instance: Instance) -> str:
    found: str = (await instance.ask("GET", f"{ROOM}/events?after=0"))["cursor"]
    return found


async def quick(here: Instance, there: Instance, after: str) -> dict[str, Any]:
    """What a long poll at one instance is told of a message at the other: by Realtime, far ahead of any reconciling."""
    poll = asyncio.create_task(there.ask("GET", f"{ROOM}/events?after={after}&wait=20"))
    await asyncio.sleep(0.3)
    await say(here, "instances hear it")
    async with asyncio.timeout(15.0):
        found: dict[str, Any] = await poll
    return found


def told(stack: Stack) -> tuple[list[int], list[int]]:
    """The seqs that were broadcast: on the instances' topics, and on the conversation's own."""
    with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
        rows = connection.execute(
            "select topic, (payload ->> 'seq')::int from realtime.messages "
            "where event = 'entry' and payload ->> 'conversation' = 'room' order by 2"
        ).fetchall()
    to_instances, to_members = (
        [seq for topic, seq in rows if topic.startswith(f"umbral_chat:{kind}:")] for kind in ("s", "c")
    )
    return to_instances, to_members
