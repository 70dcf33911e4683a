"""Finding a run's execution, over the HTTP of a double of n8n's API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from umbral_chat.http_kit.outbound import OutboundClient
from umbral_chat.settings import OutboundLimits, Secret
from umbral_chat_n8n_bridge.executions import api as executions_api
from umbral_chat_n8n_bridge.executions import search
from umbral_chat_n8n_bridge.executions.api import ExecutionsApi, ExecutionsUnavailable
from umbral_chat_n8n_bridge.executions.search import ExecutionSearch, Finding, KnownRequests

from plugins.n8n_bridge.tests.n8n import N8n, n8n
from plugins.n8n_bridge.tests.n8n_api import KEY, WORKFLOW, execution, unfinished

from .test_records import RUN, SESSION, request


class Setup(NamedTuple):
    n8n: N8n
    api: ExecutionsApi
    known: KnownRequests
    search: ExecutionSearch

    def read(self) -> list[str]:
        """The executions that were read, in their order."""
        return [one.split("/")[-1].split("?")[0] for one in self.n8n.api.asked if "includeData" in one]


@asynccontextmanager
async def setup(*executions: dict[str, Any], key: str = KEY, saved: bool = False) -> AsyncIterator[Setup]:
    async with n8n() as double, OutboundClient(OutboundLimits(), trusted=True) as client:
        double.api.executions += executions
        api = ExecutionsApi(client, double.url_of_api, Secret(key))
        known = KnownRequests()
        yield Setup(double, api, known, search_of(api, known, saved=saved))


def search_of(api: ExecutionsApi, known: KnownRequests, run_id: str = RUN, *, saved: bool = False) -> ExecutionSearch:
    at = datetime.now(UTC).timestamp()
    return ExecutionSearch(api, WORKFLOW, known, run_id=run_id, session=SESSION, called_at=at, saved_by_default=saved)


OTHER = request("n8n.abcdefghij.2.1")


async def test_it_is_found_among_others() -> None:
    async with setup(execution(1, OTHER), execution(2, request(), {"output": "x"}), execution(3, OTHER)) as it:
        found = await it.search.look()
        assert isinstance(found, dict)
        assert found["id"] == "2"


@pytest.mark.parametrize(
    ("request_of", "changes", "expected"),
    [
        (OTHER, {}, "never_began"),
        (OTHER, {"status": "error"}, "never_began"),
        (OTHER, {"status": "running"}, "never_began"),
        (None, {"status": "running"}, "undecided"),
        (None, {}, "undecided"),
        (None, {"status": "new"}, "undecided"),
        (None, {"status": "new", "startedAt": None}, "undecided"),
    ],
)
async def test_it_is_not_there_only_when_all_others_are_readable(
    request_of: dict[str, Any] | None, changes: dict[str, Any], expected: Finding
) -> None:
    # Made here and not above: an execution is as old as its making, and one from long before the call is none of it.
    async with setup(execution(1, OTHER), {**execution(2, request_of), **changes}) as it:
        assert await it.search.look() == expected


@pytest.mark.parametrize("status", ["running", "new", "crashed"])
async def test_it_is_found_before_it_has_ended_and_when_it_crashed(status: str) -> None:
    async with setup(execution(1, OTHER), unfinished(2, request(), status=status)) as it:
        found = await it.search.look()
        assert isinstance(found, dict)
        assert (found["id"], found["status"]) == ("2", status)


@pytest.mark.parametrize("status", ["running", "new", "crashed"])
async def test_one_that_has_not_ended_or_crashed_proves_nothing_less_than_others(status: str) -> None:
    async with setup(execution(1, OTHER), unfinished(2, OTHER, status=status)) as it:
        assert await it.search.look() == "never_began"
    async with setup(execution(1, OTHER), unfinished(2, None, status=status)) as it:
        assert await it.search.look() == "undecided"


async def test_nothing_is_proven_where_n8n_does_not_save_executions() -> None:
    async with setup(execution(1, OTHER)) as it:
        it.n8n.api.workflow["settings"] = {}
        assert await it.search.look() == "undecided"
    async with setup(execution(1, OTHER), saved=True) as it:
        it.n8n.api.workflow["settings"] = {}
        assert await it.search.look() == "never_began"


async def test_pages_are_followed_to_what_is_older_than_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions_api, "PAGE", 2)
    old = {**execution(1, request()), "startedAt": "2020-01-01T00:00:00.000Z"}
    async with setup(old, *(execution(number, OTHER) for number in range(2, 6))) as it:
        assert await it.search.look() == "never_began"
        read = [one for one in it.n8n.api.asked if "includeData" in one]
        assert len(read) == 4
        # Those that are known are not read again.
        await it.search.look()
        assert [one for one in it.n8n.api.asked if "includeData" in one] == read
    async with setup(old, *(execution(number, OTHER) for number in range(2, 14))) as it:
        assert await it.search.look() == "undecided", "there are more than are looked at"


async def test_all_searches_of_a_workflow_share_what_one_of_them_read() -> None:
    ours = unfinished(9, request(), status="running")
    async with setup(*(execution(number, OTHER) for number in range(1, 9)), ours) as it:
        for run_id in ("n8n.abcdefghij.3.1", "n8n.abcdefghij.4.1"):
            assert await search_of(it.api, it.known, run_id).look() == "never_began"
        assert len(it.read()) == 9
        # One that is the run's is read for what it says now.
        ours["status"] = "crashed"
        found = await it.search.look()
        assert isinstance(found, dict)
        assert found["status"] == "crashed"
        assert it.read()[9:] == ["9"]


async def test_nothing_is_proven_by_a_list_that_is_older_than_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = ExecutionsApi.execution
    async with setup(execution(1, OTHER), execution(2, OTHER)) as it:

        async def slowly(api: ExecutionsApi, execution_id: str, *, data: bool) -> dict[str, Any] | None:
            if len(it.n8n.api.executions) == 2:
                it.n8n.api.executions.append(unfinished(3, request(), status="new"))
            return await read(api, execution_id, data=data)

        monkeypatch.setattr(ExecutionsApi, "execution", slowly)
        found = await it.search.look()
        assert isinstance(found, dict)
        assert found["id"] == "3"
        assert it.read().count("1") == 1


async def test_those_that_began_about_when_n8n_was_called_are_read_first() -> None:
    def at(number: int, second: int) -> dict[str, Any]:
        moment = datetime.now(UTC) + timedelta(seconds=second)
        return {**execution(number, request() if number == 3 else OTHER), "startedAt": moment.isoformat()}

    async with setup(at(1, -100), at(2, -50), at(3, 1), at(4, 50), at(5, 200)) as it:
        found = await it.search.look()
        assert isinstance(found, dict)
        assert it.read() == ["3"]


def test_the_oldest_of_too_many_requests_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "KNOWN", 2)
    known = KnownRequests()
    for number in range(3):
        known.keep(str(number), ())
    assert [known.of(str(number)) for number in range(3)] == [None, (), ()]


async def test_one_whose_id_is_known_is_asked_for_alone() -> None:
    async with setup(execution(7, None, status="running")) as it:
        found = await it.search.look("7")
        assert isinstance(found, dict)
        assert it.n8n.api.asked == ["GET /api/v1/executions/7?includeData=true"]


async def test_errors_say_nothing_of_the_answer_and_nothing_of_the_key() -> None:
    async with setup(key="another-key-for-tests-0001") as it:
        with pytest.raises(ExecutionsUnavailable) as caught:
            await it.search.look()
        assert (str(caught.value), caught.value.status) == ("n8n's API answered 401.", 401)


async def test_one_execution_is_stopped() -> None:
    async with setup(execution(1, None, status="running")) as it:
        assert await it.api.stop("1") == "stopped"
        assert await it.api.stop("1") == "over"
        assert await it.api.stop("../2") == "unknown"
        assert it.n8n.api.stopped == ["1"]
