"""Two instances on one SQLite file: what happens on the one arrives on the other, once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from umbral_chat.feed import EncodedEntry
from umbral_chat.model.entries import Message, Redaction
from umbral_chat_polling.answer import Events

from .conftest import Instance, Start, looked_at

QUICK = {"POLLING__MIN_INTERVAL": "0.02", "POLLING__INTERVAL": "0.05", "POLLING__MAX_INTERVAL": "0.2"}


async def pair(start: Start) -> tuple[Instance, Instance]:
    return await start(**QUICK), await start(**QUICK)


async def test_a_message_sent_here_ends_a_long_poll_there(start: Start) -> None:
    here, there = await pair(start)
    cursor = await here.send("before")
    poll = asyncio.create_task(there.poll(cursor, wait=30))
    await asyncio.sleep(0.3)
    assert not poll.done()
    await here.send("hello")
    events = await asyncio.wait_for(poll, 20)
    assert [entry.content for entry in events.entries if isinstance(entry, Message)] == ["hello"]


async def test_a_plain_poll_there_follows_without_gap_or_repeat(start: Start) -> None:
    here, there = await pair(start)
    contents: list[str] = []

    async def follow() -> None:
        cursor = "0"
        while len(contents) < 100:
            events = await there.poll(cursor, limit=7)
            contents.extend(entry.content for entry in events.entries if isinstance(entry, Message))
            cursor = events.cursor
            await asyncio.sleep(0 if events.has_more else 0.01)

    following = asyncio.create_task(follow())
    for number in range(0, 100, 2):
        await asyncio.gather(here.send(str(number)), there.send(str(number + 1)))
    await asyncio.wait_for(following, 30)
    assert sorted(contents, key=int) == [str(number) for number in range(100)]
    in_log = [entry.content for entry in (await here.poll()).entries if isinstance(entry, Message)]
    assert contents == in_log


async def test_a_draft_written_here_is_seen_there_and_ends_with_its_message(start: Start) -> None:
    here, there = await pair(start)
    cursor = await here.send("a question")

    async def follow(what: Callable[[Events], bool]) -> Events:
        # A change of the mode ends a long poll, too.
        while not what(events := await there.poll(cursor, wait=30)):
            pass
        return events

    poll = asyncio.create_task(follow(lambda events: bool(events.drafts)))
    await looked_at(there)
    # A signal is best effort: one that is sent while a link reconnects is lost, and a producer that goes on repairs it.
    async with asyncio.timeout(20):
        while not poll.done():
            await here.draft("The answ")
            await asyncio.wait((poll,), timeout=0.5)
    assert [draft.text for draft in (await poll).drafts] == ["The answ"]
    poll = asyncio.create_task(follow(lambda events: bool(events.entries)))
    await here.send("The answer is 42.", message_id="m1")
    events = await asyncio.wait_for(poll, 20)
    assert ([entry.seq for entry in events.entries], events.drafts) == ([2], [])


async def test_a_run_here_is_seen_there_by_signals_alone(start: Start) -> None:
    # No scan of the store makes up for a signal within this test.
    here, there = [await start(**QUICK, REALTIME__RECONCILE_INTERVAL="600") for _ in range(2)]
    cursor = await here.send("a question")
    await there.poll()

    async def call(path: str, **body: object) -> None:
        answer = await here.client.post(f"/v1/conversations/room/runs{path}", json=body)
        assert answer.status_code in {200, 201}, answer.text

    async def until(state: str | None) -> None:
        # A change of the mode ends a long poll, too.
        while [run.state for run in (await there.poll(cursor, wait=30)).runs] != ([] if state is None else [state]):
            pass

    await call("", run_id="r1", message_id="m1")
    poll = asyncio.create_task(until("tool"))
    await looked_at(there)
    # A signal is best effort, and a producer that goes on repairs it.
    async with asyncio.timeout(20):
        while not poll.done():
            await call("/r1/progress", state="tool", label="search")
            await asyncio.wait((poll,), timeout=0.5)
    await here.send("The answer is 42.", message_id="m1", sender={"role": "assistant"})
    await call("/r1/end", outcome="completed")
    async with asyncio.timeout(20):
        while not (entries := (await there.poll(cursor, wait=30)).entries):
            pass
    assert [EncodedEntry.of(entry).kind for entry in entries] == ["message"]


async def test_a_redaction_and_a_deletion_here_are_learnt_there(start: Start) -> None:
    here, there = await pair(start)
    cursor = await here.send("my secret", message_id="m0")
    await there.poll()
    poll = asyncio.create_task(there.poll(cursor, wait=30))
    await here.client.delete("/v1/conversations/room/messages/m0")
    (redaction,) = (await asyncio.wait_for(poll, 20)).entries
    assert isinstance(redaction, Redaction)
    events = await there.poll()
    assert [getattr(entry, "content", None) for entry in events.entries] == ["", None]
    gone = asyncio.create_task(there.ask(events.cursor, wait=30))
    await here.client.delete("/v1/conversations/room")
    answer = await asyncio.wait_for(gone, 20)
    assert (answer.status_code, answer.json()["code"]) == (410, "conversation_deleted")


async def test_the_toggle_switched_here_is_obeyed_there(start: Start) -> None:
    slow = {"POLLING__INTERVAL": "600", "POLLING__MAX_INTERVAL": "600"}
    here, there = await start(**slow), await start(**slow)
    assert (await there.client.get("/v1/admin/realtime")).json()["enabled"] is True
    assert (await here.client.put("/v1/admin/realtime", json={"enabled": False})).status_code == 200
    deadline = monotonic() + 20
    while (await there.client.get("/v1/admin/realtime")).json()["enabled"]:
        assert monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_marker_that_moves_here_is_seen_there_by_signals(start: Start) -> None:
    here, there = await pair(start)
    for number in range(100):
        cursor = await here.send(f"m{number}")
    await there.poll()
    seen: set[int] = set()

    async def follow() -> None:
        # One may be found by a read of the store, which follows only minutes later again.
        while len(seen) < 3:
            seen.update(one.seq for one in (await there.poll(cursor, wait=30)).readers)

    poll = asyncio.create_task(follow())
    await looked_at(there)
    async with asyncio.timeout(30):
        for seq in range(1, 101):
            # A signal is best effort, and a reader that goes on repairs it.
            await here.client.post("/v1/conversations/room/read", json={"seq": seq, "receipt": True})
            await asyncio.wait((poll,), timeout=0.5)
            if poll.done():
                break
        await poll
