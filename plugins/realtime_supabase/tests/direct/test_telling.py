"""Drafts on the members' own channels: told soon, in few requests, and never at the cost of anything else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, ReadSignal, StatusSignal, TypingSignal
from umbral_chat.settings.secret import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.direct.telling import SLOWEST, WAITING, MemberSignals
from umbral_chat_realtime_supabase.metrics import MEMBER_SIGNALS, REALTIME_MESSAGES
from umbral_chat_realtime_supabase.settings import Supabase

URL = "https://abcdefghijklmnopqrst.supabase.co"
KEY = Secret("sb_secret_hush")
ME = Sender(role="assistant")


def draft(text: str = "so far", conversation: str = "room", message_id: str = "m1") -> DraftSignal:
    return DraftSignal(conversation=conversation, message_id=message_id, text=text, sender=ME)


class Hand(SystemClock):
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)


class Desk:
    """Topics as a test has them."""

    def __init__(self) -> None:
        self.empty: set[str] = set()
        self.failure: Exception | None = None

    async def find(self, conversations: Collection[str]) -> dict[str, str]:
        if self.failure:
            raise self.failure
        return {each: f"umbral_chat:c:{each}/aaaaaaaaaa" for each in conversations if each not in self.empty}


class Stage:
    """Signals told to a Realtime that a test plays."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.desk, self.telemetry = Hand(), Desk(), Telemetry(None)
        section = Supabase(url=URL, key=KEY, **settings)
        self.signals = MemberSignals(self.desk.find, section, KEY, self.clock, self.telemetry)

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
        while not condition():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.001)


def bodies(httpx_mock: HTTPXMock) -> list[list[dict[str, Any]]]:
    """The messages of each request."""
    return [json.loads(request.content)["messages"] for request in httpx_mock.get_requests()]


async def test_many_conversations_are_told_in_one_request(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{URL}/realtime/v1/api/broadcast", method="POST", status_code=202)
    stage = Stage()
    stage.signals.put(draft("so", "a"))
    stage.signals.put(draft("so far", "a"))
    stage.signals.put(draft("other", "a", "m2"))
    stage.signals.put(TypingSignal(conversation="b", person="p", role="user", typing=True))
    async with stage.running():
        await until(lambda: stage.counted("told") == 2)
    (request,) = httpx_mock.get_requests()
    assert request.headers["apikey"] == "sb_secret_hush"
    assert "authorization" not in request.headers
    said = {"signal": "draft", "conversation": "a", "sender": {"role": "assistant"}}
    assert bodies(httpx_mock) == [
        [
            {
                "topic": "umbral_chat:c:a/aaaaaaaaaa",
                "event": "signals",
                "private": True,
                "payload": {
                    "conversation": "a",
                    "signals": [
                        said | {"message_id": "m1", "text": "so far"},
                        said | {"message_id": "m2", "text": "other"},
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
    assert stage.telemetry.counter(REALTIME_MESSAGES).labels("sent").value == 2


async def test_requests_are_half_a_second_apart_and_tell_the_newest(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202, is_reusable=True)
    stage = Stage()
    async with stage.running():
        for text in ("a", "ab", "abc"):
            stage.signals.put(draft(text))
            await until(lambda: not stage.signals._outbox)
            await until(lambda: not stage.signals._filled.is_set())
    texts = [messages[0]["payload"]["signals"][0]["text"] for messages in bodies(httpx_mock)]
    assert texts == ["a", "ab", "abc"]
    assert set(stage.clock.slept) == {0.5}


async def test_what_is_not_for_members_is_not_told(httpx_mock: HTTPXMock) -> None:
    stage = Stage()
    stage.signals.put(ReadSignal(conversation="room", subject="u", seq=1))
    stage.signals.put(StatusSignal(conversation="room", mode="live", reason="x"))
    async with stage.running():
        await asyncio.sleep(0.01)
    assert httpx_mock.get_requests() == []


async def test_a_conversation_with_nobody_to_tell_costs_no_request(httpx_mock: HTTPXMock) -> None:
    stage = Stage()
    stage.desk.empty = {"room"}
    stage.signals.put(draft())
    async with stage.running():
        await until(lambda: bool(stage.clock.slept))
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
async def test_trouble_slows_down_and_is_over_with_the_first_success(
    httpx_mock: HTTPXMock, caplog: pytest.LogCaptureFixture, outcome: str, play: Callable[[HTTPXMock], None]
) -> None:
    play(httpx_mock)
    stage = Stage()
    with caplog.at_level(logging.DEBUG, "umbral_chat_realtime_supabase"):
        async with stage.running():
            for number in range(6):
                stage.signals.put(draft(f"{number}"))
                await until(lambda number=number: stage.counted(outcome) == number + 1)  # type: ignore[misc]  # mypy infers no type for a default
            httpx_mock.reset()
            httpx_mock.add_response(status_code=202, is_reusable=True)
            stage.signals.put(draft("at last"))
            await until(lambda: stage.counted("told") == 1)
            await until(lambda: len(stage.clock.slept) == 7)
    assert stage.clock.slept == [1.0, 2.0, 4.0, SLOWEST, SLOWEST, SLOWEST, 0.5]
    ours = [record for record in caplog.records if record.name.startswith("umbral_chat")]
    assert ours
    assert all(record.levelno == logging.DEBUG for record in ours)
    assert "sb_secret_hush" not in caplog.text


async def test_while_topics_cannot_be_asked_nothing_is_told_and_it_goes_on(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202)
    stage = Stage()
    async with stage.running():
        for failure in (HistoryUnavailable("down"), RuntimeError("a mistake")):
            stage.desk.failure = failure
            before = len(stage.clock.slept)
            stage.signals.put(draft())
            await until(lambda before=before: len(stage.clock.slept) > before)  # type: ignore[misc]  # mypy infers no type for a default
        stage.desk.failure = None
        stage.signals.put(draft())
        await until(lambda: stage.counted("told") == 1)


async def test_what_waits_is_bounded(httpx_mock: HTTPXMock) -> None:
    stage = Stage()
    for number in range(10 * WAITING):
        stage.signals.put(draft(message_id=f"m{number}"))
    assert len(stage.signals._outbox) == WAITING


async def test_the_rate_is_the_settings(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=202, is_reusable=True)
    stage = Stage(signals_per_second=4.0)
    for number in range(20):
        stage.signals.put(draft(conversation=f"c{number}"))
    async with stage.running():
        await until(lambda: stage.counted("told") == 20)
    sizes = [len(messages) for messages in bodies(httpx_mock)]
    assert sizes == [4] + [2] * 8
