"""What a call that fails says, and when it is tried again."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.errors import HistoryUnavailable, StoreError
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase import storage as storage_module
from umbral_chat_realtime_supabase.calls import CallFailed, Calls
from umbral_chat_realtime_supabase.client import client
from umbral_chat_realtime_supabase.metrics import FAILURES, RETRIES
from umbral_chat_realtime_supabase.migration_files import newest
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.storage import open_storage

KEY = "sb_secret_do-not-show-me"
URL = "https://abcdefghijklmnopqrst.supabase.co"


class Quick(SystemClock):
    """Sleeps are noted, and over at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Result(msgspec.Struct):
    n: int


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(None)


@pytest.fixture
def clock() -> Quick:
    return Quick()


@pytest.fixture
async def calls(telemetry: Telemetry, clock: Quick) -> AsyncIterator[Calls]:
    settings = Supabase(url=URL, key=Secret(KEY), retries=2, timeout=20.0)
    found = Calls(settings, clock, telemetry)
    async with client(settings, Secret(KEY)) as opened:
        found.client = opened
        yield found


def error(code: str | None, message: str = "a message about secret content") -> dict[str, Any]:
    return {"code": code, "message": message, "details": "secret details", "hint": None}


def answers(httpx_mock: HTTPXMock, *answers: dict[str, Any], n: int | None = None) -> None:
    for answer in answers:
        httpx_mock.add_response(**answer)
    if n is not None:
        httpx_mock.add_response(json={"n": n})


async def test_a_call_carries_the_key_and_the_parameters(calls: Calls, httpx_mock: HTTPXMock) -> None:
    answers(httpx_mock, n=1)
    assert (await calls.call(Result, "thing", name="x", absent=None)).n == 1
    request = httpx_mock.get_requests()[0]
    assert (request.method, str(request.url)) == ("POST", f"{URL}/rest/v1/rpc/umbral_chat_thing")
    assert request.headers["apikey"] == KEY
    assert msgspec.json.decode(request.content) == {"p_name": "x"}


CERTAIN = [
    # What is answered, the reason, what the message says. None of these is tried again.
    ({"status_code": 404, "json": error("PGRST202")}, "schema", "umbral-chat supabase migrate"),
    ({"status_code": 404, "json": error("PGRST205")}, "schema", "umbral-chat supabase migrate"),
    ({"status_code": 404, "json": error("42883")}, "schema", "umbral-chat supabase migrate"),
    ({"status_code": 404, "text": "<html>not here</html>"}, "schema", "supabase.url"),
    ({"status_code": 401, "json": {"message": "Invalid API key", "hint": "…"}}, "key", "secret key"),
    ({"status_code": 401, "json": error("PGRST301")}, "key", "secret key"),
    ({"status_code": 401, "json": error("PGRST303", "JWT expired")}, "key", "secret key"),
    ({"status_code": 403, "json": error("42501", "permission denied for function x")}, "rights", "publishable"),
    ({"status_code": 401, "json": error("42501", "permission denied for function x")}, "rights", "publishable"),
    ({"status_code": 540, "text": "project paused"}, "paused", "paused"),
    ({"status_code": 500, "json": error("57014")}, "slow", "statement timeout"),
    ({"status_code": 405, "json": error("25006")}, "read_only", "read-only"),
    ({"status_code": 400, "json": error("22P02")}, "rejected", "22P02"),
]


@pytest.mark.parametrize(("answer", "reason", "says"), CERTAIN)
async def test_a_failure_that_no_retry_mends_is_raised_at_once(
    calls: Calls, httpx_mock: HTTPXMock, telemetry: Telemetry, answer: dict[str, Any], reason: str, says: str
) -> None:
    answers(httpx_mock, answer)
    with pytest.raises(CallFailed, match=re.escape(says)) as raised:
        await calls.call(Result, "thing")
    assert raised.value.failure.reason == reason
    assert raised.value.status == 503
    assert telemetry.counter(FAILURES).labels(reason).value == 1
    for hidden in ("secret content", "secret details", KEY):
        assert hidden not in f"{raised.value!r} {raised.value}"
    # Nor does an error that it was raised from contain them.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


PASSING = [
    ({"status_code": 503, "json": error("PGRST000")}, "busy", True),
    ({"status_code": 504, "json": error("PGRST003")}, "busy", True),
    ({"status_code": 500, "json": error("40P01")}, "busy", True),
    ({"status_code": 503, "json": error("53300")}, "busy", True),
    ({"status_code": 429, "text": "slow down", "headers": {"Retry-After": "3"}}, "limited", True),
    ({"status_code": 502, "text": "<html>bad gateway</html>"}, "server", False),
    ({"status_code": 500, "json": error("57P01")}, "server", False),
    ({"status_code": 200, "text": "<html>a proxy's page</html>"}, "garbled", False),
    ({"status_code": 200, "json": {"m": 1}}, "garbled", False),
]


@pytest.mark.parametrize(("answer", "reason", "unsafe_too"), PASSING)
async def test_what_may_pass_is_tried_again(
    calls: Calls, httpx_mock: HTTPXMock, telemetry: Telemetry, answer: dict[str, Any], reason: str, unsafe_too: bool
) -> None:
    answers(httpx_mock, answer, n=7)
    assert (await calls.call(Result, "thing")).n == 7
    assert telemetry.counter(RETRIES).labels(reason).value == 1
    # What was perhaps done is not done twice.
    answers(httpx_mock, answer)
    if unsafe_too:
        answers(httpx_mock, n=8)
        assert (await calls.call(Result, "thing", safe=False)).n == 8
    else:
        with pytest.raises(HistoryUnavailable):
            await calls.call(Result, "thing", safe=False)


LOST = [
    (httpx.ReadTimeout("x"), "timeout", False),
    (httpx.WriteTimeout("x"), "timeout", False),
    (httpx.ReadError("x"), "lost", False),
    (httpx.RemoteProtocolError("x"), "lost", False),
    (httpx.ConnectError("x"), "unreachable", True),
    (httpx.ConnectTimeout("x"), "unreachable", True),
]


@pytest.mark.parametrize(("lost", "reason", "unsafe_too"), LOST)
async def test_a_lost_answer_is_asked_for_again_only_where_that_is_safe(
    calls: Calls, httpx_mock: HTTPXMock, lost: Exception, reason: str, unsafe_too: bool
) -> None:
    httpx_mock.add_exception(lost)
    answers(httpx_mock, n=1)
    assert (await calls.call(Result, "thing")).n == 1
    httpx_mock.add_exception(lost)
    if unsafe_too:
        answers(httpx_mock, n=2)
        assert (await calls.call(Result, "thing", safe=False)).n == 2
    else:
        with pytest.raises(CallFailed) as raised:
            await calls.call(Result, "thing", safe=False)
        assert raised.value.failure.reason == reason


async def test_a_project_whose_name_is_gone_is_paused_or_deleted(calls: Calls, httpx_mock: HTTPXMock) -> None:
    unknown = httpx.ConnectError("x")
    unknown.__cause__ = socket.gaierror(-2, "Name or service not known")
    httpx_mock.add_exception(unknown, is_reusable=True)
    with pytest.raises(CallFailed, match="paused or deleted"):
        await calls.call(Result, "thing")


async def test_tries_end_and_pauses_grow_with_jitter(calls: Calls, httpx_mock: HTTPXMock, clock: Quick) -> None:
    httpx_mock.add_response(status_code=503, json=error("PGRST000"), is_reusable=True)
    with pytest.raises(CallFailed):
        await calls.call(Result, "thing")
    assert len(httpx_mock.get_requests()) == 3
    assert [slept <= bound for slept, bound in zip(clock.slept, (0.1, 0.2), strict=True)] == [True, True]


async def test_a_server_that_asks_for_patience_gets_a_little(calls: Calls, httpx_mock: HTTPXMock, clock: Quick) -> None:
    answers(httpx_mock, {"status_code": 429, "text": "", "headers": {"Retry-After": "2"}}, n=1)
    await calls.call(Result, "thing")
    calls._settings = msgspec.structs.replace(calls._settings, timeout=2.0)
    answers(httpx_mock, {"status_code": 429, "text": "", "headers": {"Retry-After": "86400"}})
    with pytest.raises(CallFailed):
        # Longer than the call may take in all.
        await calls.call(Result, "thing")
    assert clock.slept == [2.0]


async def test_more_callers_than_connections_wait_and_none_is_lost(
    telemetry: Telemetry, clock: Quick, httpx_mock: HTTPXMock
) -> None:
    settings = Supabase(url=URL, key=Secret(KEY), connections=2)
    calls = Calls(settings, clock, telemetry)
    at_once = most = 0

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return httpx.Response(200, json={"n": 1})

    httpx_mock.add_callback(answer, is_reusable=True)
    async with client(settings, Secret(KEY)) as opened:
        calls.client = opened
        results = await asyncio.gather(*(calls.call(Result, "thing") for _ in range(20)))
    assert len(results) == 20
    assert most == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status_code": 401, "json": {"message": "Invalid API key"}}, "refuses the key"),
        ({"status_code": 404, "json": error("PGRST202")}, "umbral-chat supabase migrate"),
        ({"json": {"schema": "20200101000000", "realtime": True, "shards": 8, "broadcasts": {
            "failed": 0, "unpartitioned": 0, "head_only": 0, "unerased": 0}}}, "needs"),
        ({"json": {"schema": "29990101000000", "realtime": True, "shards": 8, "broadcasts": {
            "failed": 0, "unpartitioned": 0, "head_only": 0, "unerased": 0}}}, "Upgrade"),
    ],
)  # fmt: skip
async def test_a_start_ends_with_what_no_waiting_mends(
    httpx_mock: HTTPXMock, clock: Quick, telemetry: Telemetry, answer: dict[str, Any], says: str
) -> None:
    answers(httpx_mock, answer)
    storage = open_storage(Supabase(url=URL, key=Secret(KEY)), Secret(KEY), clock, telemetry)
    with pytest.raises(StoreError, match=says):
        async with storage.lifespan:
            pass
    assert KEY not in repr(storage)


async def test_a_start_waits_for_a_project_that_wakes_up(
    httpx_mock: HTTPXMock, clock: Quick, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "START_TIMEOUT", 0.0)
    httpx_mock.add_response(status_code=503, text="waking up", is_reusable=True)
    storage = open_storage(Supabase(url=URL, key=Secret(KEY), retries=0), Secret(KEY), clock, telemetry)
    with pytest.raises(StoreError, match="503"):
        async with storage.lifespan:
            pass
    monkeypatch.setattr(storage_module, "START_TIMEOUT", 30.0)
    httpx_mock.reset()
    answers(httpx_mock, {"status_code": 503, "text": "waking up"})
    answers(httpx_mock, {"json": {"schema": newest(), "realtime": True, "shards": 8, "broadcasts": {
        "failed": 0, "unpartitioned": 0, "head_only": 0, "unerased": 0}}})  # fmt: skip
    storage = open_storage(Supabase(url=URL, key=Secret(KEY), retries=0), Secret(KEY), clock, telemetry)
    async with storage.lifespan:
        assert len(httpx_mock.get_requests()) == 2
