"""Receipts over the API: off until a reader allows them, and listed for whoever connects later."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import KEYS, Client, send, service

ROOM = "/v1/conversations/room"

Readers = list[dict[str, Any]]


async def visitor(keyed: Client, subject: str = "ada", name: str | None = "Ada") -> dict[str, str]:
    body = {"conversation": "room", "subject": subject, "name": name}
    token = (await keyed.post("/v1/tokens", json=body)).json()["token"]
    return {"authorization": f"Bearer {token}"}


async def mark(client: Client, headers: dict[str, str], seq: int, **body: bool) -> None:
    answer = await client.post(f"{ROOM}/read", json={"seq": seq, **body}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"seq": seq})


async def connected(client: Client) -> Readers:
    answer = await client.post(f"{ROOM}/connect")
    assert answer.status_code == 200
    found: Readers = answer.json()["readers"]
    return found


async def polled(client: Client, what: Callable[[Readers], bool]) -> Readers:
    """The readers of polls, once they are as expected."""
    async with asyncio.timeout(30):
        while True:
            found: Readers = (await client.get(f"{ROOM}/events")).json()["readers"]
            if what(found):
                return found
            await asyncio.sleep(0.02)


async def test_nobody_sees_how_far_a_reader_is_until_it_allows_that(keyed: Client) -> None:
    ada = await visitor(keyed)
    for number in range(3):
        await send(keyed, "room", f"m{number}")
    await mark(keyed, ada, 1)
    assert await connected(keyed) == []
    await mark(keyed, ada, 2, receipt=True)
    shown = [{"subject": "ada", "role": "user", "name": "Ada", "seq": 2}]
    assert await connected(keyed) == shown
    assert await polled(keyed, bool) == shown
    await mark(keyed, ada, 3)
    assert [one["seq"] for one in await connected(keyed)] == [3], "without a choice it is as before"
    await mark(keyed, ada, 3, receipt=False)
    assert await connected(keyed) == []
    await mark(keyed, ada, 3)
    assert await connected(keyed) == []


async def test_a_long_poll_ends_when_somebody_has_read(keyed: Client) -> None:
    ada = await visitor(keyed)
    await send(keyed, "room", "hello")
    before = (await keyed.get(f"{ROOM}/events")).json()
    asked = {"after": before["cursor"], "signals": before["signals"], "wait": 30}
    poll = asyncio.create_task(keyed.get(f"{ROOM}/events", params=asked))
    await mark(keyed, ada, 1, receipt=True)
    answer = (await asyncio.wait_for(poll, 30)).json()
    assert (answer["entries"], [one["seq"] for one in answer["readers"]]) == ([], [1])
    assert answer["signals"] != before["signals"]


async def test_an_empty_conversation_has_no_reader(keyed: Client) -> None:
    answer = await keyed.post(f"{ROOM}/read", json={"seq": 5, "receipt": True})
    assert answer.json() == {"seq": 0}
    assert await connected(keyed) == []


async def test_another_instance_lists_who_allowed_it_before_it_started(tmp_path: Path) -> None:
    keys = {"core__keys": json.dumps(KEYS)}
    own = {"authorization": f"Bearer {KEYS[0]['key']}"}
    async with service(tmp_path, **keys) as here:
        here.headers.update(own)
        ada, bob = await visitor(here), await visitor(here, "bob", None)
        for number in range(3):
            await send(here, "room", f"m{number}")
        await mark(here, ada, 1, receipt=True)
        await mark(here, bob, 2, receipt=True)
        await mark(here, ada, 3)
        async with service(tmp_path, **keys) as there:
            there.headers.update(own)
            shown = [
                {"subject": "ada", "role": "user", "name": "Ada", "seq": 3},
                {"subject": "bob", "role": "user", "seq": 2},
            ]
            assert await polled(there, bool) == shown
            assert await connected(there) == shown
            await mark(there, bob, 3, receipt=False)
            assert [one["subject"] for one in await connected(here)] == ["ada"]


async def test_a_deleted_conversation_leaves_no_receipts_to_the_next_one(keyed: Client) -> None:
    await send(keyed, "room", "hello")
    await mark(keyed, await visitor(keyed), 1, receipt=True)
    assert len(await connected(keyed)) == 1
    await keyed.delete(ROOM)
    await keyed.post("/v1/conversations", json={"id": "room"})
    await send(keyed, "room", "anew")
    await mark(keyed, await visitor(keyed), 1)
    assert await connected(keyed) == []
