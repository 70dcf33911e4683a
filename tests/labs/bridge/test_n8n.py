"""The scripted n8n: it answers as the captures have it, its executions outlive its caller, and it fails as its
script says."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.labs.kit.http1 import Answer, Connection, NoAnswer

from . import n8n
from .executions_api import KEY, TRIGGER, answer_api
from .journal import Journal
from .n8n import ScriptedN8n
from .plan import MERCY, answer_to
from .script import Script

STREAMS = {"streams": True, "whole": False}


class Served:
    """One in this process."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.sqlite3")
        self.script = Script(0, 1, 0.05, time.time(), [], {}, STREAMS)
        self.port = 0

    def fail(self, kind: str, begin: float = 0.0, end: float = 3_600.0) -> None:
        """From now on."""
        self.script.windows = [(begin, end, kind)]

    async def call(self, key: str, workflow: str = "streams") -> Answer:
        """A call as the bridge's. Raises NoAnswer."""
        connection = Connection("127.0.0.1", self.port)
        body = {
            "action": "sendMessage",
            "sessionId": "a",
            "chatInput": f"{key} x",
            "metadata": {"umbral_run": f"r-{key}"},
        }
        try:
            return await connection.ask("POST", f"/webhook/{workflow}/chat", body)
        finally:
            connection.close()

    async def statuses(self) -> list[str]:
        """Of all executions, once none runs."""
        async with asyncio.timeout(30):
            while "running" in (found := [one.status for one in self.journal.executions()]):  # noqa: ASYNC110 - it is a file
                await asyncio.sleep(0.01)
        return found

    def hows(self) -> list[str]:
        """How the calls were answered."""
        return [one.how for one in self.journal.calls()]


@pytest.fixture
async def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(n8n, "STARTING", -1.0)
    monkeypatch.setattr(n8n, "PAUSES", (0.0, 0.002))
    made = Served(tmp_path)
    server = await asyncio.start_server(ScriptedN8n(made.script, made.journal).serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    made.journal.close()


def text_of(body: bytes) -> str:
    return "".join(one.get("content", "") for one in map(json.loads, body.splitlines()) if one["type"] == "item")


async def test_it_streams_or_answers_whole_and_records_both(it: Served) -> None:
    assert text_of((await it.call("m1")).body) == answer_to("m1")
    assert (await it.call("m2", "whole")).json() == {"output": answer_to("m2")}
    assert await it.statuses() == ["success", "success"]
    assert it.hows() == ["answered", "answered"]


@pytest.mark.parametrize("workflow", STREAMS)
async def test_an_execution_goes_on_when_its_answer_is_cut(it: Served, workflow: str) -> None:
    it.fail("cut")
    with pytest.raises(NoAnswer):
        await it.call("m1", workflow)
    assert await it.statuses() == ["success"]
    async with asyncio.timeout(30):
        while it.hows() != ["lost"]:  # noqa: ASYNC110 - what is polled is a file
            await asyncio.sleep(0.01)


async def test_a_proxy_answers_in_its_place(it: Served) -> None:
    it.fail("proxy")
    answer = await it.call("m1")
    assert answer.status == 504
    assert b"<html>" in answer.body
    assert await it.statuses() == ["success"]


async def test_what_is_cut_before_the_record_has_no_execution(it: Served) -> None:
    it.fail("cut_before")
    with pytest.raises(NoAnswer):
        await it.call("m1")
    assert (await it.statuses(), it.hows()) == ([], ["cut_before"])


async def test_an_execution_fails(it: Served) -> None:
    it.fail("error")
    assert [json.loads(line)["type"] for line in (await it.call("m1")).body.splitlines()] == ["begin", "error"]
    assert (await it.call("m2", "whole")).status == 500
    assert await it.statuses() == ["error", "error"]


async def test_it_is_busy_a_few_times_only(it: Served) -> None:
    it.fail("busy")
    for _ in range(MERCY):
        answer = await it.call("m1")
        assert answer.status in {429, 503}
        assert answer.headers["retry-after"] == "1"
    assert (await it.call("m1")).status == 200


async def test_some_are_never_taken(it: Served) -> None:
    it.script.forever.update({"m1": "refused", "m2": "too_large", "m3": "absent", "m4": "forbidden"})
    assert [(await it.call(f"m{number}")).status for number in (1, 2, 3, 4)] == [400, 413, 404, 403]
    assert await it.statuses() == []


async def test_a_fault_that_hit_nothing_goes_on_for_a_while(it: Served) -> None:
    it.fail("error", begin=-5.0, end=-1.0)
    assert b"error" in (await it.call("m1")).body
    assert b"error" not in (await it.call("m2")).body


def test_executions_are_listed_as_n8n_lists_them(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    request = {"sessionId": "a", "metadata": {"umbral_run": "r-1"}}
    ids = [journal.began("streams", "m1", "r-1", request) for _ in range(3)]
    journal.ended(ids[0], "success", "text")

    def get(path: str, key: str = KEY) -> tuple[int, Any]:
        return answer_api(journal, STREAMS, f"/api/v1/{path}", key)

    def listed(query: str) -> list[tuple[str, str]]:
        return [(one["id"], one["status"]) for one in get(f"executions?workflowId=streams{query}")[1]["data"]]

    assert listed("") == [("1", "success")]
    assert listed("&status=running") == [("3", "running"), ("2", "running")]
    runs = get("executions/2?includeData=true")[1]["data"]
    assert runs["resultData"]["runData"] == {}
    assert runs["executionData"]["nodeExecutionStack"][0]["data"]["main"][0][0]["json"] == request
    result = get("executions/1?includeData=true")[1]["data"]["resultData"]
    assert result["runData"][TRIGGER][0]["data"]["main"][0][0]["json"] == request
    assert result["runData"][result["lastNodeExecuted"]][0]["data"]["main"][0][0]["json"] == {"output": "text"}
    assert get("executions/9")[0] == 404
    assert get("executions/1", "another")[0] == 401
    journal.close()
    again = Journal(tmp_path / "journal.sqlite3")
    again.recover()
    assert [one.status for one in again.executions()] == ["success", "crashed", "crashed"]
    crashed = answer_api(again, STREAMS, "/api/v1/executions/2?includeData=true", KEY)[1]["data"]
    assert crashed["executionData"] == runs["executionData"]
    artificial = crashed["resultData"]["runData"][TRIGGER][0]["data"]["main"][0][0]["json"]
    assert artificial == {"isArtificialRecoveredEventItem": True}
    first = answer_api(again, STREAMS, "/api/v1/executions?workflowId=streams&limit=2", KEY)[1]
    assert [one["id"] for one in first["data"]] == ["3", "2"]
    rest = answer_api(
        again, STREAMS, f"/api/v1/executions?workflowId=streams&limit=2&cursor={first['nextCursor']}", KEY
    )[1]
    assert ([one["id"] for one in rest["data"]], rest["nextCursor"]) == (["1"], None)
    again.close()
