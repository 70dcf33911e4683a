"""The proxy before a real n8n: each fault, against a tiny upstream that answers as n8n does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.labs.kit.http1 import Answer, Connection, NoAnswer
from tests.ports import free_port

from .journal import Journal
from .plan import MERCY
from .proxy import STARTING, FaultyProxy, Request, read_request
from .script import Script
from .workflows import TASK

ITEMS = [{"type": "item", "content": f"w{number} "} for number in range(8)]


class Upstream:
    """Streams or answers whole, and keeps what it was asked. `leaves`: it breaks off in the middle."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.leaves = False
        self.status = 200
        self.pause = 0.0
        self.says: bytes | None = None
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        request = await read_request(reader)
        self.asked.append(request)
        if request.target.startswith("/webhook/streams"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number, item in enumerate(ITEMS):
                if self.leaves and number == 2:
                    writer.transport.abort()
                    return
                line = json.dumps(item, separators=(",", ":")).encode() + b"\n"
                writer.write(b"%x\r\n%b\r\n" % (len(line), line))
                await asyncio.sleep(self.pause)
            writer.write(b"0\r\n\r\n")  # and leaves the connection open, as n8n does
        else:
            body = self.says or json.dumps({"output": "whole", "url": request.target}).encode()
            writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (self.status, len(body), body))
            writer.close()


class Proxied:
    """A proxy before an upstream."""

    def __init__(self, proxy: FaultyProxy, upstream: Upstream, journal: Journal) -> None:
        self.proxy, self.upstream, self.journal = proxy, upstream, journal

    def fail(self, kind: str) -> None:
        """From now on."""
        self.proxy.script = Script(0, 1, 7.5, time.time(), [(0.0, 3_600.0, kind)], {}, {})

    async def call(self, key: str, workflow: str = "streams") -> Answer:
        """A call as the bridge's. Raises NoAnswer."""
        body = {"sessionId": "a", "chatInput": f"{key} x", "metadata": {"umbral_run": f"r-{key}"}}
        connection = Connection("127.0.0.1", self.proxy.port)
        try:
            return await connection.ask("POST", f"/webhook/{workflow}/chat", body)
        finally:
            connection.close()

    async def how(self) -> str:
        """How the newest call was answered, once that is known."""
        async with asyncio.timeout(30):
            while not (found := self.journal.calls()[-1]).how:  # noqa: ASYNC110 - it is a file
                await asyncio.sleep(0.01)
        return found.how

    def task(self) -> Any:
        """What the newest request asks of the workflow."""
        return json.loads(self.upstream.asked[-1].body)["metadata"].get(TASK)


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Proxied]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    journal = Journal(tmp_path / "journal.sqlite3")
    proxy = FaultyProxy(free_port(), server.sockets[0].getsockname()[1], journal)
    await proxy.open()
    yield Proxied(proxy, upstream, journal)
    await proxy.end()
    server.close()
    for writer in upstream.writers:
        writer.close()
    journal.close()


@pytest.mark.parametrize("workflow", ["streams", "whole"])
async def test_without_a_fault_an_answer_passes_as_it_is(it: Proxied, workflow: str) -> None:
    answer = await it.call("m1", workflow)
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert lines == (ITEMS if workflow == "streams" else [{"output": "whole", "url": "/webhook/whole/chat"}])
    assert await it.how() == "answered"
    assert it.task() is None
    assert it.journal.calls()[0][:3] == ("m1", "r-m1", "")


async def test_the_api_passes_and_is_no_call(it: Proxied) -> None:
    it.fail("cut_before")
    connection = Connection("127.0.0.1", it.proxy.port)
    answer = await connection.ask("GET", "/api/v1/executions?limit=3")
    connection.close()
    assert answer.json()["url"] == "/api/v1/executions?limit=3"
    assert (it.journal.calls(), it.proxy.questions) == ([], 1)


@pytest.mark.parametrize("workflow", ["streams", "whole"])
async def test_an_answer_is_cut_in_its_middle(it: Proxied, workflow: str) -> None:
    it.fail("cut")
    reader, writer = await asyncio.open_connection("127.0.0.1", it.proxy.port)
    body = json.dumps({"chatInput": "m1 x", "metadata": {"umbral_run": "r"}}).encode()
    writer.write(
        b"POST /webhook/%b/chat HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (workflow.encode(), len(body), body)
    )
    got = b""
    try:
        while data := await reader.read(1_000):
            got += data
    except ConnectionResetError:
        pass
    writer.close()
    assert b"HTTP/1.1 200" in got
    # Of a streamed one some text has arrived.
    assert (b"w1 " in got) == (workflow == "streams")
    assert b"w7 " not in got
    assert b"/chat" not in got
    assert await it.how() == "lost"


async def test_what_is_cut_before_reaches_no_n8n(it: Proxied) -> None:
    it.fail("cut_before")
    with pytest.raises(NoAnswer):
        await it.call("m1")
    assert (await it.how(), it.upstream.asked) == ("cut_before", [])


async def test_a_proxys_page_comes_while_n8n_goes_on(it: Proxied) -> None:
    it.fail("proxy")
    answer = await it.call("m1")
    assert answer.status == 504
    assert b"<html>" in answer.body
    assert await it.how() == "lost"
    assert len(it.upstream.asked) == 1


async def test_it_is_busy_a_few_times_only(it: Proxied) -> None:
    it.fail("busy")
    for _ in range(MERCY):
        answer = await it.call("m1")
        assert answer.status in {429, 503}
        assert answer.headers["retry-after"] == "1"
        assert await it.how() == "busy"
    assert (await it.call("m1")).status == 200


@pytest.mark.parametrize(("kind", "task"), [("slow", {"sleep": 7.5}), ("error", {"fail": True})])
async def test_the_workflow_is_asked_to_be_slow_and_to_fail(it: Proxied, kind: str, task: dict[str, Any]) -> None:
    it.fail(kind)
    await it.call("m1")
    assert it.task() == task
    assert json.loads(it.upstream.asked[0].body)["metadata"]["umbral_run"] == "r-m1"
    assert it.journal.calls()[0].fault == kind


@pytest.mark.parametrize(
    ("kind", "status"), [("refused", 400), ("too_large", 413), ("absent", 404), ("forbidden", 403)]
)
async def test_some_are_never_taken(it: Proxied, kind: str, status: int) -> None:
    it.proxy.script = Script(0, 1, 0.0, time.time(), [], {"m1": kind}, {})
    assert (await it.call("m1")).status == status
    assert (await it.how(), it.upstream.asked) == (kind, [])


async def test_an_n8n_that_dies_in_its_answer_is_noted(it: Proxied) -> None:
    it.upstream.leaves = True
    with pytest.raises(NoAnswer):
        await it.call("m1")
    assert await it.how() == "died"


async def test_an_n8n_that_is_not_ready_is_noted(it: Proxied) -> None:
    it.upstream.status = 503
    assert (await it.call("m1", "whole")).status == 503
    assert await it.how() == "unready"
    it.upstream.status, it.upstream.says = 200, STARTING
    assert (await it.call("m2", "whole")).body == STARTING
    assert await it.how() == "unready"


async def test_a_caller_that_goes_leaves_n8n(it: Proxied) -> None:
    it.upstream.pause = 0.05
    calling = asyncio.create_task(it.call("m1"))
    async with asyncio.timeout(30):
        while not it.upstream.asked:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    calling.cancel()
    assert await it.how() == "lost"


async def test_while_it_is_closed_callers_are_refused(it: Proxied) -> None:
    it.proxy.close()
    with pytest.raises(NoAnswer, match="ConnectionRefused"):
        await it.call("m1")
    await it.proxy.open()
    assert (await it.call("m1")).status == 200
