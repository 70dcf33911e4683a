"""A push: what a receiver is sent, and what becomes of each of its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from standardwebhooks.webhooks import Webhook
from umbral_chat.clock import SystemClock
from umbral_chat.errors import ConsumerError, ConversationDeleted, HistoryUnavailable, TryLater
from umbral_chat.http_kit.outbound import OutboundClient
from umbral_chat.model.entries import Message, Sender
from umbral_chat.providers.edges import (
    BeginsAt,
    LogEnd,
    SelectsEntries,
    TakesEnds,
    TakesImported,
    WantsConversations,
)
from umbral_chat.providers.history import History
from umbral_chat.settings import OutboundLimits
from umbral_chat.telemetry import Telemetry
from umbral_chat_subscriptions.filters import Filter
from umbral_chat_subscriptions.metrics import PUSHES, PushCounters
from umbral_chat_subscriptions.push import PushConsumer
from umbral_chat_subscriptions.records import new_subscription

from core.tests.outbound.receiver import Answer, Receiver, receiving

EPOCH = "aaaaaaaaaa"
HELLO = Message(seq=7, at=datetime(2026, 1, 1, tzinfo=UTC), sender=Sender("user"), message_id="m7", content="Grüße 👋")


class Pushing:
    """A consumer, and its receiver."""

    def __init__(self, consumer: PushConsumer, receiver: Receiver, secret: str, telemetry: Telemetry) -> None:
        self.consumer = consumer
        self.receiver = receiver
        self.secret = secret
        self.ended = 0
        self._pushes = telemetry.counter(PUSHES)

    async def push(self) -> None:
        await self.consumer.handle("room", EPOCH, HELLO)

    def counted(self, outcome: str) -> int:
        return int(self._pushes.labels(outcome).value)


def answer(status: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Any", "Content-Length: 0", *headers, "", ""]).encode()


async def no_history(conversation: str) -> Any:
    raise AssertionError(conversation)


@asynccontextmanager
async def pushing(
    *answers: Answer,
    conversation: Callable[[str], Awaitable[Any]] = no_history,
    chosen: Filter | None = None,
    end: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Pushing]:
    async with (
        receiving(*answers) as receiver,
        OutboundClient(OutboundLimits(allow=["127.0.0.0/8"], timeout=20.0)) as client,
    ):
        url = f"http://127.0.0.1:{receiver.port}/secret-path"
        made = new_subscription(
            "tickets", datetime.now(UTC), filter=chosen or Filter(), start="now", imported=True, url=url
        )
        assert made.push is not None

        async def ended() -> None:
            found.ended += 1

        telemetry = Telemetry(None)
        history = cast("History", SimpleNamespace(conversation=conversation))
        counters = PushCounters(telemetry, list)
        consumer = PushConsumer(made, made.push, history, client, SystemClock(), counters, end or ended)
        found = Pushing(consumer, receiver, made.push.secret.reveal(), telemetry)
        yield found


async def test_an_event_is_signed_and_its_id_stays_the_same() -> None:
    async with pushing(answer(500), answer(200)) as it:
        with pytest.raises(ConsumerError):
            await it.push()
        await it.push()
        (line, first, body), (_, second, _) = it.receiver.requests
        assert line == "POST /secret-path HTTP/1.1"
        assert first["content-type"] == "application/json"
        event = Webhook(it.secret).verify(body, first)
        assert event == json.loads(body)
        assert event["id"] == first["webhook-id"] == second["webhook-id"]
        assert (event["type"], event["conversation"], event["cursor"]) == ("entry", "room", "aaaaaaaaaa.7")
        assert event["entry"]["content"] == "Grüße 👋"
        assert (it.counted("refused"), it.counted("taken")) == (1, 1)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_takes_it(status: int) -> None:
    async with pushing(answer(status)) as it:
        await it.push()
        assert it.ended == 0


@pytest.mark.parametrize("status", [304, 400, 401, 404, 413, 429, 500, 502, 503])
async def test_any_other_status_is_tried_again(status: int) -> None:
    async with pushing(answer(status)) as it:
        with pytest.raises(ConsumerError) as caught:
            await it.push()
        assert not isinstance(caught.value, TryLater)
        assert caught.value.reason == f"The receiver answered {status}."


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_may_ask_for_time(status: int) -> None:
    async with pushing(answer(status, "Retry-After: 40")) as it:
        with pytest.raises(TryLater) as caught:
            await it.push()
        assert caught.value.seconds == 40


async def test_retry_after_of_another_status_is_none() -> None:
    async with pushing(answer(500, "Retry-After: 40")) as it:
        with pytest.raises(ConsumerError) as caught:
            await it.push()
        assert not isinstance(caught.value, TryLater)


async def test_a_receiver_that_is_gone_ends_the_subscription() -> None:
    async with pushing(answer(410)) as it:
        await it.push()
        assert it.ended == 1
        assert it.counted("gone") == 1


async def test_an_end_that_cannot_be_stored_is_no_delivery() -> None:
    async def unavailable() -> None:
        raise HistoryUnavailable("away")

    async with pushing(answer(410), end=unavailable) as it:
        with pytest.raises(HistoryUnavailable):
            await it.push()


async def test_no_reason_tells_the_path_or_the_content() -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.close()

    redirect = answer(302, "Location: http://127.0.0.1:1/elsewhere")
    async with pushing(redirect, cut, b"nonsense\r\n\r\n") as it:
        for code in ("redirected", "", "invalid_answer"):
            with pytest.raises(ConsumerError) as caught:
                await it.push()
            assert code in caught.value.reason
            assert "secret-path" not in caught.value.reason
            assert "Grüße" not in caught.value.reason
        assert it.counted("failed") == 3


async def test_the_end_of_a_log_is_an_event() -> None:
    async with pushing() as it:
        await it.consumer.handle_end("room", LogEnd(EPOCH))
        await it.consumer.handle_end("room", LogEnd(EPOCH, "bbbbbbbbbb"))
        events = [Webhook(it.secret).verify(body, headers) for _, headers, body in it.receiver.requests]
        assert [(event["type"], event["cursor"], event["entry"]) for event in events] == [
            ("deleted", "0", None),
            ("restarted", "bbbbbbbbbb.0", None),
        ]


async def test_its_abilities() -> None:
    async with pushing(chosen=Filter(prefix="order-", kinds=["edit"])) as it:
        for ability in (BeginsAt, SelectsEntries, TakesEnds, TakesImported, WantsConversations):
            assert isinstance(it.consumer, ability)
        assert (it.consumer.begins, it.consumer.imported) == ("now", True)
        assert it.consumer.wants("order-1")
        assert not it.consumer.wants("room")
        assert await it.consumer.select("order-1", [HELLO]) == []


async def test_metadata_is_that_of_the_delivery() -> None:
    metadata: dict[str, Any] | None = {"tier": "silver"}

    async def conversation(name: str) -> Any:
        if name == "gone":
            raise ConversationDeleted(name)
        return None if name == "none" else SimpleNamespace(metadata=metadata)

    async with pushing(conversation=conversation, chosen=Filter(metadata={"tier": "gold"})) as it:
        assert await it.consumer.select("room", [HELLO]) == []
        metadata = {"tier": "gold"}
        assert await it.consumer.select("room", [HELLO]) == [HELLO]
        assert await it.consumer.select("none", [HELLO]) == []
        assert await it.consumer.select("gone", [HELLO]) == [HELLO]
