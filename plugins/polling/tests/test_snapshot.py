"""Strategy `snapshot`: the newest messages as they are now, to replace the client's copy."""

from __future__ import annotations

import asyncio

import pytest
from umbral_chat_polling import snapshot

from .conftest import Start

SNAPSHOT = {"POLLING__SYNC_STRATEGY": "snapshot", "POLLING__BATCH_SIZE": "3"}


async def test_it_answers_the_newest_messages_folded(start: Start) -> None:
    service = await start(**SNAPSHOT)
    for number in range(5):
        await service.send(f"message {number}", message_id=f"m{number}")
    await service.client.patch("/v1/conversations/room/messages/m3", json={"content": "edited"})
    cursor = (await service.ask()).json()["cursor"]
    events = await service.poll()
    assert events.snapshot
    assert events.entries == []
    assert [message.content for message in events.messages] == ["message 2", "edited", "message 4"]
    assert (events.cursor, events.head, events.has_more) == (cursor, 6, False)
    assert [message.content for message in (await service.poll(limit=1)).messages] == ["message 4"]


async def test_a_client_that_replaces_its_copy_ends_equal_to_a_fresh_read(start: Start) -> None:
    service = await start(**SNAPSHOT)
    await service.send("one", message_id="m1")
    copy = await service.poll()
    await service.send("two", message_id="m2")
    await service.client.delete("/v1/conversations/room/messages/m1")
    copy = await service.poll(copy.cursor)
    assert [(message.content, message.redacted) for message in copy.messages] == [("", True), ("two", False)]
    assert copy.messages == (await service.poll()).messages


async def test_unchanged_it_is_a_304_and_a_long_poll_waits(start: Start) -> None:
    service = await start(**SNAPSHOT)
    await service.send("one")
    first = await service.ask()
    cursor = first.json()["cursor"]
    tag = (await service.ask(cursor)).headers["etag"]
    assert (await service.ask(cursor, known=tag)).status_code == 304
    poll = asyncio.create_task(service.poll(cursor, wait=30))
    await asyncio.sleep(0.1)
    assert not poll.done()
    await service.send("two")
    assert [message.content for message in (await asyncio.wait_for(poll, 10)).messages] == ["one", "two"]


async def test_all_who_wait_cost_one_read(start: Start) -> None:
    service = await start(**SNAPSHOT)
    await service.send("one")
    cursor = (await service.poll()).cursor
    polls = [asyncio.create_task(service.poll(cursor, wait=30)) for _ in range(30)]
    await asyncio.sleep(0.2)
    before = service.history.calls["messages"]
    await service.send("two")
    answers = await asyncio.gather(*polls)
    assert {len(events.messages) for events in answers} == {2}
    assert service.history.calls["messages"] - before <= 2


async def test_all_who_come_one_after_the_other_cost_one_read_until_something_is_written(start: Start) -> None:
    service = await start(**SNAPSHOT)
    await service.send("one", message_id="m1")
    for number in range(2, 6):
        before = service.history.calls["messages"]
        assert len({str(await service.poll()) for _ in range(10)}) == 1
        assert service.history.calls["messages"] - before == 1
        assert service.counted("umbral_chat.history.reads", "snapshot") == service.history.calls["messages"]
        await service.send(f"message {number}", message_id=f"m{number}")
    await service.client.delete("/v1/conversations/room/messages/m5")
    assert [message.content for message in (await service.poll()).messages] == ["message 3", "message 4", ""]


async def test_a_snapshot_is_kept_no_longer_than_clients_pause(start: Start) -> None:
    quick = {"POLLING__MIN_INTERVAL": "0.05", "POLLING__INTERVAL": "0.05", "POLLING__MAX_INTERVAL": "4"}
    service = await start(**SNAPSHOT, **quick)
    await service.send("one")
    for reads in (1, 2):
        for _ in range(3):
            await service.poll()
        assert service.history.calls["messages"] == reads
        await asyncio.sleep(4.3 if reads == 1 else 0)


async def test_what_all_snapshots_take_is_bounded(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "CACHE_BYTES", 20_000)
    service = await start(**SNAPSHOT)
    for number in range(5):
        await service.send("x" * 8000, conversation=f"room-{number}")
        await service.poll(conversation=f"room-{number}")
    for number, read in ((4, 0), (3, 0), (0, 1)):
        before = service.history.calls["messages"]
        await service.poll(conversation=f"room-{number}")
        assert service.history.calls["messages"] - before == read


async def test_a_conversation_that_was_never_made_is_an_empty_snapshot(start: Start) -> None:
    service = await start(**SNAPSHOT)
    events = await service.poll()
    assert (events.snapshot, events.messages, events.cursor) == (True, [], "0")
