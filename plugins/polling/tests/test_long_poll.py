"""A long poll: ends on an entry at once, on signals before long, with nothing in time, and with its client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from umbral_chat.model.entries import Message

from .conftest import Instance, Start, looked_at

MUCH_LESS = 10
"""Seconds that a busy machine may take, and far from the 30 that a poll would wait."""


async def soon(service: Instance, task: asyncio.Task[Any], readers: int = 1) -> None:
    """Wait until the service has this many waiting clients."""
    for _ in range(1000):
        if waiting(service) == readers:
            return
        assert not task.done(), f"it did not wait: {task.result()}"
        await asyncio.sleep(0.005)
    raise AssertionError("it does not wait")


def waiting(service: Instance) -> int:
    return service.services.feeds.readers.count


async def test_an_entry_ends_it_at_once(service: Instance) -> None:
    cursor = await service.send("before")
    poll = asyncio.create_task(service.poll(cursor, wait=30))
    await soon(service, poll)
    await service.send("hello")
    began = monotonic()
    events = await poll
    assert monotonic() - began < MUCH_LESS
    assert [entry.content for entry in events.entries if isinstance(entry, Message)] == ["hello"]
    assert events.poll_after_ms == 0
    assert waiting(service) == 0


async def test_what_is_there_already_is_answered_at_once(service: Instance) -> None:
    await service.send("hello")
    async with asyncio.timeout(MUCH_LESS):
        assert len((await service.poll(wait=30)).entries) == 1


async def test_one_can_wait_for_the_first_message_of_a_conversation(service: Instance) -> None:
    poll = asyncio.create_task(service.poll(conversation="unmade", wait=30))
    await soon(service, poll)
    await service.send("first", conversation="unmade")
    assert len((await poll).entries) == 1


async def test_many_who_wait_each_get_it(start: Start) -> None:
    # Ticks so rare that none learns of the message between its commit and the hint over the own bus.
    rare = {f"POLLING__{name}INTERVAL": "60" for name in ("MIN_", "", "MAX_")}
    service = await start(**rare)
    cursor = await service.send("before")
    polls = [asyncio.create_task(service.poll(cursor, wait=30)) for _ in range(50)]
    await soon(service, polls[0], readers=50)
    await looked_at(service)
    reads = service.history.calls["read"]
    await service.send("hello")
    assert [len(events.entries) for events in await asyncio.gather(*polls)] == [1] * 50
    assert service.history.calls["read"] == reads, "an entry of this instance's own bus costs no read"


async def test_with_nothing_it_ends_in_time_empty(service: Instance) -> None:
    cursor = await service.send("before")
    began = monotonic()
    events = await service.poll(cursor, wait=0.3)
    assert 0.3 <= monotonic() - began < MUCH_LESS
    assert (events.entries, events.cursor) == ([], cursor)


async def test_the_service_ends_it_however_long_the_client_would_wait(start: Start) -> None:
    service = await start(POLLING__LONG_POLL_TIMEOUT="0.55")
    began = monotonic()
    await service.poll(wait=9999)
    assert 0.45 <= monotonic() - began < MUCH_LESS


async def test_with_nothing_new_for_the_tag_it_ends_with_304(service: Instance) -> None:
    cursor = await service.send("before")
    tag = (await service.ask(cursor)).headers["etag"]
    answer = await service.ask(cursor, known=tag, wait=0.1)
    assert (answer.status_code, answer.headers["poll-after-ms"]) == (304, "150")


async def test_a_signal_ends_it_but_at_most_once_a_second(service: Instance) -> None:
    cursor = await service.send("before")
    began = monotonic()
    poll = asyncio.create_task(service.poll(cursor, wait=30))
    await soon(service, poll)
    await service.draft("I am")
    events = await poll
    assert 1 <= monotonic() - began < MUCH_LESS
    assert [draft.text for draft in events.drafts] == ["I am"]


async def test_a_signal_long_after_the_beginning_ends_it_at_once(service: Instance) -> None:
    cursor = await service.send("before")
    poll = asyncio.create_task(service.poll(cursor, wait=30))
    await soon(service, poll)
    await asyncio.sleep(1.1)
    began = monotonic()
    await service.draft("I am")
    assert len((await poll).drafts) == 1
    assert monotonic() - began < MUCH_LESS


async def test_a_signal_that_was_missed_between_two_is_sent_before_long(service: Instance) -> None:
    cursor = await service.send("before")
    tag = (await service.ask(cursor)).headers["etag"]
    await service.draft("I am")
    began = monotonic()
    answer = await service.ask(cursor, known=tag, wait=30)
    assert 1 <= monotonic() - began < MUCH_LESS
    assert [draft["text"] for draft in answer.json()["drafts"]] == ["I am"]


async def test_the_tag_of_the_answer_before_does_not_end_it_early(service: Instance) -> None:
    tag = (await service.ask(wait=0)).headers["etag"]
    cursor = await service.send("hello")
    tag = (await service.ask("0", known=tag)).headers["etag"]
    poll = asyncio.create_task(service.ask(cursor, known=tag, wait=30))
    await asyncio.sleep(1.2)
    assert not poll.done()
    await service.send("more")
    assert (await poll).status_code == 200


async def test_a_signal_between_two_polls_is_sent_to_a_client_that_names_its_version(service: Instance) -> None:
    cursor = await service.send("a question")
    before = await service.poll(cursor)
    await service.draft("The answ")
    async with asyncio.timeout(MUCH_LESS):
        events = await service.poll(cursor, signals=before.signals, wait=30)
    assert [draft.text for draft in events.drafts] == ["The answ"]
    poll = asyncio.create_task(service.poll(cursor, signals=events.signals, wait=30))
    await asyncio.sleep(1.5)
    assert not poll.done(), "the client sent the version of these signals"
    await service.send("The answer is 42.", message_id="m1")
    events = await asyncio.wait_for(poll, MUCH_LESS)
    assert (len(events.entries), events.drafts, events.signals) == (1, [], before.signals)


async def test_a_plain_poll_with_old_signals_is_no_304(service: Instance) -> None:
    cursor = await service.send("a question")
    answer = await service.ask(cursor)
    tag, signals = answer.headers["etag"], answer.json()["signals"]
    assert (await service.ask(cursor, known=tag, signals=signals)).status_code == 304
    assert (await service.ask(cursor, known=tag, signals="lost")).status_code == 200


async def test_a_deletion_ends_it_with_its_code(service: Instance) -> None:
    cursor = await service.send("before")
    poll = asyncio.create_task(service.ask(cursor, wait=30))
    await soon(service, poll)
    await service.client.delete("/v1/conversations/room")
    answer = await asyncio.wait_for(poll, MUCH_LESS)
    assert (answer.status_code, answer.json()["code"], answer.json()["reconnect"]) == (
        410,
        "conversation_deleted",
        False,
    )


async def test_a_service_that_stops_answers_who_waits_at_once_and_spreads_their_return(service: Instance) -> None:
    cursor = await service.send("before")
    tag = (await service.ask(cursor)).headers["etag"]
    polls = [asyncio.create_task(service.ask(cursor, known=tag, wait=30)) for _ in range(20)]
    await soon(service, polls[0], readers=20)
    service.services.lifecycle.drain()
    answers = await asyncio.wait_for(asyncio.gather(*polls), MUCH_LESS)
    assert {answer.status_code for answer in answers} == {200}
    pauses = {answer.json()["poll_after_ms"] for answer in answers}
    assert len(pauses) > 5
    assert min(pauses) >= 250
    assert max(pauses) <= 2250
    async with asyncio.timeout(MUCH_LESS):
        assert (await service.poll(cursor, wait=30)).entries == [], "no long poll waits while draining"


async def test_past_the_bound_of_readers_it_is_refused_with_the_time_to_retry(start: Start) -> None:
    service = await start(CORE__LIMITS__READERS="1")
    cursor = await service.send("before")
    poll = asyncio.create_task(service.poll(cursor, wait=30))
    await soon(service, poll)
    answer = await service.ask(cursor, wait=30)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "too_many_readers", "5")
    assert (await service.ask(cursor)).status_code == 200, "a plain poll holds nothing"
    await service.send("hello")
    await poll


@contextmanager
def begun_by(request: ContextVar[bool]) -> Iterator[set[asyncio.Task[Any]]]:
    """The tasks that are begun where `request` is set, as a task's context is that of whoever begins it. The service's
    own come and go meanwhile."""
    loop, begun = asyncio.get_running_loop(), set[asyncio.Task[Any]]()

    def task(loop: asyncio.AbstractEventLoop, coroutine: Any, **context: Any) -> asyncio.Task[Any]:
        made = asyncio.Task(coroutine, loop=loop, **context)
        if request.get(False):
            begun.add(made)
        return made

    loop.set_task_factory(task)
    try:
        yield begun
    finally:
        loop.set_task_factory(None)


async def test_a_client_who_leaves_leaves_nothing_behind(service: Instance) -> None:
    cursor = await service.send("before")
    left, sent, of_the_request = asyncio.Event(), [], ContextVar[bool]("of_the_request")

    async def receive() -> Any:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/conversations/room/events",
        "raw_path": b"/v1/conversations/room/events",
        "root_path": "",
        "query_string": f"after={cursor}&wait=30".encode(),
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }

    async def ask() -> None:
        of_the_request.set(True)
        await service.app(scope, receive, send)

    with begun_by(of_the_request) as begun:
        request = asyncio.create_task(ask())
        await soon(service, request)
        assert begun, "it waits in tasks of its own"
        left.set()
        await asyncio.wait_for(request, MUCH_LESS)
        assert (sent, waiting(service)) == ([], 0)
        _, running = await asyncio.wait(begun, timeout=MUCH_LESS)
    assert not running


async def visitor(service: Instance, key: str, ttl: int = 3600) -> str:
    answer = await service.client.post(
        "/v1/tokens",
        json={"conversation": "room", "subject": "visitor", "rights": ["read"], "ttl": ttl},
        headers={"Authorization": key},
    )
    assert answer.status_code == 201, answer.text
    return f"Bearer {answer.json()['token']}"


async def guarded(start: Start) -> tuple[Instance, str]:
    service = await start(CORE__KEYS=json.dumps([{"name": "n8n", "key": "0123456789abcdef0123456789abcdef"}]))
    key = "Bearer 0123456789abcdef0123456789abcdef"
    service.client.headers["Authorization"] = key
    return service, key


async def test_a_token_of_a_deleted_log_is_refused_and_never_reads_its_successor(start: Start) -> None:
    service, key = await guarded(start)
    cursor = await service.send("old")
    token = await visitor(service, key)
    assert len((await service.ask(key=token)).json()["entries"]) == 1
    tag = (await service.ask(key=token)).headers["etag"]
    await service.client.delete("/v1/conversations/room")
    assert (await service.client.post("/v1/conversations", json={"id": "room"})).status_code == 201
    await service.send("new")
    for after, wait in (("0", 0), (cursor, 0), ("0", 1), (cursor, 1)):
        answer = await service.ask(after, key=token, known=tag, wait=wait)
        assert (answer.status_code, answer.json()["code"]) == (410, "conversation_deleted")


async def test_it_ends_when_its_token_does(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    service, key = await guarded(start)
    await service.send("hello")
    cursor = (await service.ask(key=await visitor(service, key, ttl=3600))).json()["cursor"]
    clock: Any = service.services.base.clock
    # Times of tokens are whole seconds; the clock stands still where this one has 0.3 s left.
    made = clock.now().replace(microsecond=0)
    almost = made + timedelta(seconds=59.7)
    monkeypatch.setattr(clock, "now", lambda: made)
    token = await visitor(service, key, ttl=60)
    monkeypatch.setattr(clock, "now", lambda: almost)
    began = monotonic()
    assert (await service.ask(cursor, key=token, wait=30)).status_code == 200
    assert monotonic() - began < MUCH_LESS
