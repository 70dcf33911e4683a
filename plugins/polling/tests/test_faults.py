"""When the history does not answer: from memory where it is contiguous, and it says so; else not at all."""

from __future__ import annotations

import asyncio
from time import monotonic

from .conftest import Instance


async def unplug(service: Instance) -> None:
    """The history does not answer any more, and a read has failed: from then on every answer reports it."""
    service.history.unplugged = True
    while service.history.under_way:  # noqa: ASYNC110 - what was asked before is still answered
        await asyncio.sleep(0.005)
    assert (await service.ask("0", conversation="other")).status_code == 503


async def test_from_memory_it_says_since_when_it_may_be_stale(service: Instance) -> None:
    await service.send("one")
    cursor = (await service.poll()).cursor
    await unplug(service)
    answer = await service.ask()
    assert answer.status_code == 200
    assert "etag" not in answer.headers
    events = answer.json()
    assert [entry["content"] for entry in events["entries"]] == ["one"]
    assert events["stale_since"].endswith("Z")
    assert events["poll_after_ms"] == 5000
    assert events["cursor"] == cursor


async def test_a_stale_answer_is_never_a_304(service: Instance) -> None:
    cursor = await service.send("one")
    tag = (await service.ask(cursor)).headers["etag"]
    assert (await service.ask(cursor, known=tag)).status_code == 304
    await unplug(service)
    answer = await service.ask(cursor, known=tag)
    assert answer.status_code == 200
    assert answer.json()["stale_since"]


async def test_what_memory_does_not_reach_is_503_and_says_when_to_come_back(service: Instance) -> None:
    service.history.unplugged = True
    for wait in (0, 20):
        answer = await service.ask(conversation="unknown", wait=wait)
        assert (answer.status_code, answer.json()["code"]) == (503, "history_unavailable")
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_stale_long_poll_is_answered_before_long_and_repeated_slowly(service: Instance) -> None:
    cursor = await service.send("one")
    await service.poll(cursor)
    await unplug(service)
    began = monotonic()
    events = await service.poll(cursor, wait=30)
    assert 1 <= monotonic() - began < 10
    assert events.stale_since is not None
    assert events.poll_after_ms == 5000


async def test_when_the_history_is_back_nothing_is_missing(service: Instance) -> None:
    cursor = await service.send("one")
    await service.poll(cursor)
    await unplug(service)
    assert (await service.poll(cursor)).stale_since is not None
    service.history.unplugged = False
    await service.send("two")
    poll = asyncio.create_task(service.poll(cursor, wait=30))
    events = await asyncio.wait_for(poll, 10)
    assert ([entry.seq for entry in events.entries], events.stale_since) == ([2], None)
