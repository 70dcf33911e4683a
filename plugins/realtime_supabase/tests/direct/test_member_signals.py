"""Signals on the members' channels: sent soon, in few requests, and never at the cost of anything else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.entries import Sender
from umbral_chat.model.runs import RunView
from umbral_chat.model.signals import DraftSignal, ReadSignal, RunSignal, StatusSignal, TypingSignal
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.direct.member_signals import MAX_SEND_INTERVAL, MAX_WAITING, MemberSignals
from umbral_chat_realtime_supabase.metrics import MEMBER_SIGNALS, REALTIME_MESSAGES
from umbral_chat_realtime_supabase.settings import Supabase

URL = "https://abcdefghijklmnopqrst.supabase.co"
KEY = Secret("sb_secret_hush")
ME = Sender(role="assistant")


def draft(text: str = "so far", conversation: str = "room", message_id: str = "m1") -> DraftSignal:
    return DraftSignal(conversation=conversation, message_id=message_id, text=text, sender=ME)


class SleepingClock(SystemClock):
    """A clock that advances by each sleep, at once, and records it."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)


class StubTopics:
    """A topic lookup: `empty` conversations have none; `failure` is raised."""

    def __init__(self) -> None:
        self.empty: set[str] = set()
        self.failure: Exception | None = None

    async def find(self, conversations: Collection[str]) -> dict[str, str]:
        if self.failure:
            raise self.failure
        return {each: f"umbral_chat:c:{each}/aaaaaaaaaa" for each in conversations if each not in self.empty}


class Harness:
    """MemberSignals with a clock and topics that the test controls."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.topics, self.telemetry = SleepingClock(), StubTopics(), Telemetry(None)
        section = Supabase(url=URL, key=KEY, **settings)
        self.signals = MemberSignals(self.topics.find, section, KEY, self.clock, self.telemetry)

    def counted(self, outcome: str) -> int:
        return self.telemetry.counter(MEMBER_SIGNALS).labels(outcome).value

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.signals.run())
        try:
            yield
            assert not task.done(), "it ended by itself"
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.001)


def bodies(httpx_mock: HTTPXMock) -> list[list[dict[str, Any]]]:
    """The messages of each request."""
    return [json.loads(request.content)["messages"] for request in httpx_mock.get_requests()]


async def test_members_get_the_runs_of_their_conversation_the_newest_list_alone(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{URL}/realtime/v1/api/broadcast", method="POST", status_code=202)
    harness = Harness()
    at = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    run = RunView(run_id="r1", state="tool", label="search", sender=ME, started_at=at)
    harness.signals.put(RunSignal(conversation="a", version=1, runs=[]))
    harness.signals.put(RunSignal(conversation="a", version=2, runs=[run]))
    async with harness.running():
        await until(lambda: harness.counted("told") == 1)
    ((message,),) = bodies(httpx_mock)
    (signal,) = message["payload"]["signals"]
    assert signal == {
        "signal": "run",
        "conversation": "a",
        "version": 2,
        "runs": [
            {
                "run_id": "r1",
                "state": "tool",
                "label": "search",
                "sender": {"role": "assistant"},
                "started_at": "2026-01-31T09:30:00Z",
            }
        ],
    }


async def test_many_conversations_are_sent_in_one_request(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{URL}/realtime/v1/api/broadcast", method="POST", status_code=202)
    harness = Harness()
    harness.signals.put(draft("so", "a"))
    harness.signals.put(draft("so far", "a"))
    harness.signals.put(draft("other", "a", "m2"))
    harness.signals.put(TypingSignal(conversation="b", person="p", role="user", typing=True))
    async with harness.running():
        await until(lambda: harness.counted("told") == 2)
    (request,) = httpx_mock.get_requests()
    assert request.headers["apikey"] == "sb_secret_hush"
    assert "authorization" not in request.headers
    signal = {"signal": "draft", "conversation": "a", "sender": {"role": "assistant"}}
    assert bodies(httpx_mock) == [
        [
            {
                "topic": "umbral_chat:c:a/aaaaaaaaaa",
                "event": "signals",
                "private": True,
                "payload": {
                    "conversation": "a",
                    "signals": [
                        signal | {"message_id": "m1", "text": "so far"},
                        signal | {"message_id": "m2", "text": "other"},
                    ],
                },
            },
            {
                "topic": "umbral_chat:c:b/aaaaaaaaaa",
                "event": "signals",
                "private": True,
                "payload": {
                    "conversation": "b",
                    "signals": [
                        {"signal": "typing", "conversation": "b", "person": "p", "role": "user", "typing": True}
                    ],
                },
            },
        ]
    ]
    assert harness.telemetry.counter(REALTIME_MESSAGES).labels("sent").value == 2


async def test_requests_are_half_a_second_apart_and_carry_the_newest(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202, is_reusable=True)
    harness = Harness()
    async with harness.running():
        for number, text in enumerate(("a", "ab", "abc"), 1):
            harness.signals.put(draft(text))
            await until(lambda number=number: len(harness.clock.slept) == number)  # type: ignore[misc]  # mypy infers no type for a default
    texts = [messages[0]["payload"]["signals"][0]["text"] for messages in bodies(httpx_mock)]
    assert texts == ["a", "ab", "abc"]
    assert set(harness.clock.slept) == {0.5}


async def test_signals_that_are_not_for_members_are_not_sent(httpx_mock: HTTPXMock) -> None:
    harness = Harness()
    harness.signals.put(StatusSignal(conversation="room", mode="live", reason="x"))
    async with harness.running():
        await asyncio.sleep(0.01)
    assert httpx_mock.get_requests() == []


async def test_a_receipt_is_sent_and_only_the_newest_of_a_reader(httpx_mock: HTTPXMock) -> None:
    harness = Harness()
    httpx_mock.add_response(status_code=202, is_reusable=True)
    for seq in (1, 2):
        harness.signals.put(ReadSignal(conversation="room", subject="u", seq=seq, role="agent", name="Grace"))
    async with harness.running():
        await until(lambda: bool(httpx_mock.get_requests()))
    (message,) = json.loads(httpx_mock.get_requests()[0].content)["messages"]
    assert message["payload"]["signals"] == [
        {"signal": "read", "conversation": "room", "subject": "u", "seq": 2, "role": "agent", "name": "Grace"}
    ]


async def test_a_conversation_without_a_topic_costs_no_request(httpx_mock: HTTPXMock) -> None:
    harness = Harness()
    harness.topics.empty = {"room"}
    harness.signals.put(draft())
    async with harness.running():
        await until(lambda: bool(harness.clock.slept))
    assert httpx_mock.get_requests() == []


@pytest.mark.httpx_mock(assert_all_responses_were_requested=False)
@pytest.mark.parametrize(
    ("outcome", "play"),
    [
        ("limited", lambda mock: mock.add_response(status_code=429, is_reusable=True)),
        ("failed", lambda mock: mock.add_response(status_code=500, is_reusable=True)),
        ("failed", lambda mock: mock.add_exception(httpx.ConnectError("refused"), is_reusable=True)),
    ],
    ids=["the plan's rate", "an error of Realtime's", "no connection"],
)
async def test_failures_back_off_until_the_first_success(
    httpx_mock: HTTPXMock, caplog: pytest.LogCaptureFixture, outcome: str, play: Callable[[HTTPXMock], None]
) -> None:
    play(httpx_mock)
    harness = Harness()
    with caplog.at_level(logging.DEBUG, "umbral_chat_realtime_supabase"):
        async with harness.running():
            for number in range(6):
                harness.signals.put(draft(f"{number}"))
                await until(lambda number=number: harness.counted(outcome) == number + 1)  # type: ignore[misc]  # mypy infers no type for a default
            httpx_mock.reset()
            httpx_mock.add_response(status_code=202, is_reusable=True)
            harness.signals.put(draft("at last"))
            await until(lambda: harness.counted("told") == 1)
            await until(lambda: len(harness.clock.slept) == 7)
    *failures, success = harness.clock.slept
    longest = [1.0, 2.0, 4.0, MAX_SEND_INTERVAL, MAX_SEND_INTERVAL, MAX_SEND_INTERVAL]
    assert all(most / 2 <= pause <= most for pause, most in zip(failures, longest, strict=True))
    assert success == 0.5
    ours = [record for record in caplog.records if record.name.startswith("umbral_chat")]
    assert ours
    assert all(record.levelno == logging.DEBUG for record in ours)
    assert "sb_secret_hush" not in caplog.text


async def test_while_topics_cannot_be_read_nothing_is_sent_and_the_loop_continues(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202)
    harness = Harness()
    async with harness.running():
        for failure in (HistoryUnavailable("down"), RuntimeError("a mistake")):
            harness.topics.failure = failure
            before = len(harness.clock.slept)
            harness.signals.put(draft())
            await until(lambda before=before: len(harness.clock.slept) > before)  # type: ignore[misc]  # mypy infers no type for a default
        harness.topics.failure = None
        harness.signals.put(draft())
        await until(lambda: harness.counted("told") == 1)


async def test_the_queue_is_bounded(httpx_mock: HTTPXMock) -> None:
    harness = Harness()
    for number in range(10 * MAX_WAITING):
        harness.signals.put(draft(message_id=f"m{number}"))
    assert len(harness.signals._outbox) == MAX_WAITING


async def test_the_rate_is_the_one_in_the_settings(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202, is_reusable=True)
    harness = Harness(signals_per_second=4.0)
    for number in range(20):
        harness.signals.put(draft(conversation=f"c{number}"))
    async with harness.running():
        await until(lambda: harness.counted("told") == 20)
    sizes = [len(messages) for messages in bodies(httpx_mock)]
    assert sizes == [4] + [2] * 8
