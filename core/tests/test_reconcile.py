"""The bound on staleness, and who is told what is followed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from umbral_chat._core.delivery.reconcile import reconcile
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.cursor import Cursor

from .failover.transports import ScriptedTransport
from .feed.rig import Client, Rig, service
from .feed.virtual import run


async def reconciling(rig: Rig, *, transport: str | None = "pushing", reads_store: bool = False) -> asyncio.Task[None]:
    failover = cast("Any", SimpleNamespace(choice=SimpleNamespace(transport=transport), reads_store=reads_store))
    task = asyncio.create_task(
        reconcile(rig.history.history, rig.feeds, rig.subscriptions, failover, rig.clock, interval=5.0)
    )
    await asyncio.sleep(0)
    return task


async def end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("failure", [None, HistoryUnavailable("down"), RuntimeError("a bug of its own")])
def test_an_entry_whose_hint_never_came_is_delayed_by_the_interval_at_most(
    failure: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            client = Client(rig)
            tasks = [asyncio.create_task(client.follow()), await reconciling(rig)]
            await asyncio.sleep(1)
            if failure is not None:
                rig.history.failure = failure
                await asyncio.sleep(12)
                rig.history.failure = None
            rig.say(hinted=False)
            await asyncio.sleep(5.1)
            assert client.seqs == [1, 2]
            await end(*tasks)

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_what_asking_takes_does_not_come_on_top_of_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Appended right after the heads were looked at, an entry waits for the next asking and for the read of it."""

    async def main() -> None:
        async with service() as rig:
            rig.say()
            client, appended, ask = Client(rig), asyncio.Event(), rig.history.heads

            async def heads(conversations: Sequence[str]) -> dict[str, Head | Deleted]:
                found = await ask(conversations)
                if not appended.is_set():
                    rig.say(hinted=False)
                    appended.set()
                return found

            monkeypatch.setattr(rig.history, "heads", heads)
            monkeypatch.setattr(rig.history, "delay", lambda: 0.5)
            tasks = [asyncio.create_task(client.follow()), await reconciling(rig)]
            await appended.wait()
            await asyncio.sleep(5.0 + 2 * 0.5 + 0.01)
            assert client.seqs == [1, 2]
            await end(*tasks)

    run(main())


def test_a_deletion_whose_hint_never_came_reaches_who_waits() -> None:
    async def main() -> None:
        async with service() as rig:
            rig.say()
            client = Client(rig)
            tasks = [asyncio.create_task(client.follow()), await reconciling(rig)]
            await asyncio.sleep(1)
            rig.history.logs["room"] = None
            await asyncio.sleep(5.1)
            assert client.gone
            await end(*tasks)

    run(main())


@pytest.mark.parametrize(("transport", "reads_store"), [(None, False), ("polling", True)])
def test_nobody_asks_twice_what_the_transport_asks_or_what_cannot_be(
    transport: str | None, reads_store: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with service() as rig:
            asked: list[object] = []

            async def heads(conversations: object) -> dict[str, object]:
                asked.append(conversations)
                return {}

            monkeypatch.setattr(rig.history, "heads", heads)
            await rig.feeds.read("room", Cursor(), 10)
            task = await reconciling(rig, transport=transport, reads_store=reads_store)
            await asyncio.sleep(20)
            assert asked == []
            await end(task)

    run(main())


def test_every_transport_is_told_what_is_followed_and_one_that_refuses_costs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Refusing(ScriptedTransport):
        def watch(self, conversation: str) -> None:
            raise OSError("no")

    async def main() -> None:
        async with service() as rig:
            async with rig.feeds.reading("before"):
                good = ScriptedTransport()
                rig.subscriptions.serve([Refusing(), good])
                async with rig.feeds.reading("room"), rig.feeds.reading("room"):
                    assert sorted(good.watched) == sorted(rig.subscriptions) == ["before", "room"]
            await asyncio.sleep(100)
            assert good.watched == []

    with caplog.at_level(logging.CRITICAL):
        run(main())
