"""Two instances on one store: each runs what is stored, whichever of them was asked. The core's consumers are a double
that notes what it is asked for; the routes' tests have the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from umbral_chat.context import Services
from umbral_chat.errors import Conflict, HistoryUnavailable, InvalidRequest, NotFound, RequestError
from umbral_chat.http_kit.outbound import OutboundClient
from umbral_chat.providers.consumers import ClaimConsumer, Claims, ConsumerService
from umbral_chat.providers.edges import Consumer
from umbral_chat.settings import OutboundLimits
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing import ManualClock
from umbral_chat.testing.instances import Instances, two_instances
from umbral_chat_subscriptions import running as running_module
from umbral_chat_subscriptions import service as service_module
from umbral_chat_subscriptions.bodies import PushBody, SubscriptionBody
from umbral_chat_subscriptions.filters import Filter
from umbral_chat_subscriptions.service import SubscriptionService
from umbral_chat_subscriptions.settings import SubscriptionsSettings

HOOK = "http://127.0.0.1:9999/hook"


class FakeConsumers:
    """What runs, and what was forgotten."""

    def __init__(self) -> None:
        self.running: dict[str, object] = {}
        self.forgotten: list[str] = []
        self.broken: Exception | None = None

    async def start(self, consumer: Consumer) -> None:
        if self.broken is not None:
            raise self.broken
        assert consumer.name not in self.running
        self.running[consumer.name] = consumer

    async def claims(self, consumer: ClaimConsumer) -> Claims:
        await self.start(cast("Consumer", consumer))
        return cast("Claims", SimpleNamespace(of=consumer.name))

    async def stop(self, name: str) -> None:
        self.running.pop(name, None)

    async def forget(self, name: str) -> None:
        await self.stop(name)
        self.forgotten.append(name)

    @property
    def names(self) -> list[str]:
        """Of the subscriptions that run."""
        return sorted(name.split(":")[1] for name in self.running)


class Instance:
    """One instance's part of it."""

    def __init__(self, storage: Any, clock: ManualClock, settings: SubscriptionsSettings) -> None:
        self.consumers = FakeConsumers()
        core = SimpleNamespace(outbound=OutboundLimits(allow=["127.0.0.0/8"]))
        services = SimpleNamespace(
            base=SimpleNamespace(clock=clock, telemetry=Telemetry(None), settings=SimpleNamespace(core=core)),
            storage=storage,
            consumers=self.consumers,
        )
        self.subscriptions = SubscriptionService(cast("Services", services), settings)
        self.store = storage.store

    async def run(self) -> None:
        await self.subscriptions.run(cast("ConsumerService", self.consumers))


class Pair:
    """Both of them, in manual time."""

    def __init__(self, instances: Instances, clock: ManualClock, settings: SubscriptionsSettings) -> None:
        self.instances = instances
        self.clock = clock
        self.here = Instance(instances.here, clock, settings)
        self.there = Instance(instances.elsewhere, clock, settings)

    async def until(self, wanted: Callable[[], bool], what: str) -> None:
        """Let time pass until it is so."""
        async with asyncio.timeout(30):
            while not wanted():
                await self.clock.elapse(0.5)
                await asyncio.sleep(0.001)
        assert wanted(), what

    async def at_once(self, *calls: Any) -> list[Any]:
        """What they return or raise."""
        done = asyncio.gather(*calls, return_exceptions=True)
        await self.until(done.done, "all returned")
        return list(done.result())


Start = Callable[..., Any]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:
        instances = await stack.enter_async_context(two_instances())
        clock = ManualClock()

        async def started(**given: Any) -> Pair:
            pair = Pair(instances, clock, msgspec.convert(given, SubscriptionsSettings))
            tasks = [asyncio.create_task(each.run()) for each in (pair.here, pair.there)]

            async def stop() -> None:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

            stack.push_async_callback(stop)
            return pair

        yield started


@pytest.fixture
async def pair(start: Start) -> Pair:
    found: Pair = await start()
    return found


def push(name: str = "tickets", **more: Any) -> SubscriptionBody:
    return SubscriptionBody(name=name, push=PushBody(HOOK), **more)


def pull(name: str = "work", **more: Any) -> SubscriptionBody:
    return SubscriptionBody(name=name, **more)


async def refused(call: Any) -> str:
    with pytest.raises(RequestError) as caught:
        await call
    return caught.value.code


async def test_it_runs_here_when_it_was_made_and_there_soon(pair: Pair) -> None:
    made, new = await pair.here.subscriptions.create(push())
    assert new
    assert pair.here.consumers.names == ["tickets"]
    await pair.until(lambda: pair.there.consumers.names == ["tickets"], "it runs there, too")
    assert (await pair.there.subscriptions.get("tickets")) == made
    assert [one.name for one in await pair.there.subscriptions.all()] == ["tickets"]


async def test_the_same_call_again_finds_it(pair: Pair) -> None:
    made, _ = await pair.here.subscriptions.create(push(filter=Filter(prefix="a")))
    assert await pair.there.subscriptions.create(push(filter=Filter(prefix="a"))) == (made, False)
    assert pair.there.consumers.names == ["tickets"]
    for other in (push(), push(filter=Filter(prefix="b")), push(filter=Filter(prefix="a"), imported=True)):
        assert await refused(pair.there.subscriptions.create(other)) == "subscription_exists"
    assert await refused(pair.there.subscriptions.create(pull("tickets"))) == "subscription_exists"


async def test_one_call_at_both_instances_at_once_makes_one(pair: Pair) -> None:
    (one, first), (other, second) = await pair.at_once(
        pair.here.subscriptions.create(pull()), pair.there.subscriptions.create(pull())
    )
    assert one == other
    assert sorted((first, second)) == [False, True]


async def test_names_urls_and_filters_are_judged(pair: Pair) -> None:
    create = pair.here.subscriptions.create
    for name in ("", "-a", "a b", "a/b", "ü", "x" * 65, "a:b"):
        assert await refused(create(push(name))) == "invalid_field"
    for url in ("ftp://example.com", "http://10.0.0.1/", "http://[::1]/", "http://user@example.com/"):
        with pytest.raises(InvalidRequest) as caught:
            await create(SubscriptionBody(name="a", push=PushBody(url)))
        assert (caught.value.code, caught.value.field) == ("refused_url", "push.url")
    assert await refused(create(push(filter=Filter(kinds=[])))) == "invalid_field"
    assert await pair.here.subscriptions.all() == []


async def test_a_paused_push_runs_nowhere_and_one_that_is_claimed_gives_nothing(pair: Pair) -> None:
    here, there = pair.here.subscriptions, pair.there.subscriptions
    await here.create(push())
    await here.create(pull())
    await pair.until(lambda: pair.there.consumers.names == ["tickets", "work"], "both run there")
    assert (await there.pause("tickets", paused=True)).paused
    assert (await there.pause("work", paused=True)).paused
    assert pair.there.consumers.names == ["work"]
    await pair.until(lambda: pair.here.consumers.names == ["work"], "it stopped here, too")
    assert await refused(here.claims("work", claiming=True)) == "subscription_paused"
    await here.claims("work", claiming=False)  # to acknowledge what is open
    await here.pause("tickets", paused=False)
    await here.pause("work", paused=False)
    await pair.until(lambda: pair.there.consumers.names == ["tickets", "work"], "both run there again")
    await here.claims("work", claiming=True)
    assert pair.here.consumers.forgotten == []


async def test_claims_are_of_what_is_claimed(pair: Pair) -> None:
    await pair.here.subscriptions.create(push())
    assert await refused(pair.there.subscriptions.claims("tickets", claiming=True)) == "subscription_pushes"
    assert await refused(pair.there.subscriptions.claims("none", claiming=True)) == "subscription_not_found"
    await pair.here.subscriptions.create(pull())
    subscription, claims = await pair.there.subscriptions.claims("work", claiming=True)  # before it looked by itself
    assert cast("Any", claims).of == subscription.consumer


async def test_one_that_was_deleted_is_forgotten_and_its_name_is_free(pair: Pair) -> None:
    made, _ = await pair.here.subscriptions.create(push())
    await pair.until(lambda: pair.there.consumers.names == ["tickets"], "it runs there")
    await pair.there.subscriptions.delete("tickets")
    assert await refused(pair.there.subscriptions.get("tickets")) == "subscription_not_found"
    assert pair.there.consumers.forgotten == [made.consumer]
    again, new = await pair.there.subscriptions.create(push())
    assert new
    assert again.consumer != made.consumer
    await pair.until(lambda: list(pair.here.consumers.running) == [again.consumer], "the new one runs here")
    for call in (pair.here.subscriptions.delete("none"), pair.here.subscriptions.pause("none", paused=True)):
        with pytest.raises(NotFound):
            await call


async def test_an_end_that_was_cut_in_half_is_completed_by_any_instance(pair: Pair) -> None:
    made, _ = await pair.here.subscriptions.create(push())
    pair.here.consumers.broken = None

    async def away(name: str) -> None:
        raise HistoryUnavailable(name)

    pair.here.consumers.forget = away  # type: ignore[method-assign]
    await pair.here.subscriptions.delete("tickets")
    await pair.until(lambda: pair.there.consumers.forgotten == [made.consumer], "it is cleaned up there")


async def test_a_receiver_that_is_gone_ends_it_everywhere(pair: Pair) -> None:
    made, _ = await pair.here.subscriptions.create(push())
    await pair.until(lambda: pair.there.consumers.names == ["tickets"], "it runs there")
    consumer = cast("Any", pair.here.consumers.running[made.consumer])
    await consumer._end()
    assert await refused(pair.there.subscriptions.get("tickets")) == "subscription_not_found"
    await pair.until(lambda: not pair.here.consumers.names and not pair.there.consumers.names, "it stopped")
    assert made.consumer in [*pair.here.consumers.forgotten, *pair.there.consumers.forgotten]


async def test_there_are_so_many_and_no_more(start: Start) -> None:
    pair = await start(most=3)
    calls = [pair.here.subscriptions.create(pull(f"a{n}")) for n in range(3)]
    calls += [pair.there.subscriptions.create(pull(f"b{n}")) for n in range(3)]
    found = await pair.at_once(*calls)
    refusals = [one for one in found if isinstance(one, Conflict)]
    assert [one.code for one in refusals] == ["subscriptions_full"] * 3
    assert {one.limit for one in refusals} == {3}
    assert len(await pair.here.subscriptions.all()) == 3


async def test_one_that_is_not_claimed_expires_and_others_do_not(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    # The store's time is its own, and passes by itself.
    pair = await start(expire_after=0.5)
    await pair.here.subscriptions.create(push())
    await pair.here.subscriptions.create(pull("forgotten"))
    await pair.here.subscriptions.create(pull("asleep"))
    await pair.here.subscriptions.pause("asleep", paused=True)

    def left() -> bool:
        return all(each.consumers.names == ["asleep", "tickets"] for each in (pair.here, pair.there))

    await pair.until(left, "it expired")
    assert "the subscription forgotten was deleted" in caplog.text


async def test_a_claim_keeps_it(start: Start) -> None:
    pair = await start(expire_after=1.0)
    await pair.here.subscriptions.create(pull())
    loop = asyncio.get_running_loop()
    until = loop.time() + 1.5
    while loop.time() < until:
        await pair.here.subscriptions.claims("work", claiming=True)
        await pair.clock.elapse(0.06)
        await asyncio.sleep(0.02)
    assert [one.name for one in await pair.here.subscriptions.all()] == ["work"]


async def test_one_that_cannot_be_started_is_not_made(pair: Pair) -> None:
    pair.here.consumers.broken = HistoryUnavailable("away")
    with pytest.raises(HistoryUnavailable):
        await pair.here.subscriptions.create(push())
    pair.here.consumers.broken = None
    _, new = await pair.here.subscriptions.create(push())
    assert new


async def test_one_that_cannot_be_started_stops_no_other(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    start = pair.there.consumers.start

    async def sometimes(consumer: Consumer) -> None:
        if ":first:" in consumer.name:
            raise Conflict("It was forgotten.", code="consumer_forgotten")
        await start(consumer)

    pair.there.consumers.start = sometimes  # type: ignore[method-assign]
    await pair.here.subscriptions.create(push("first"))
    await pair.here.subscriptions.create(push("second"))
    await pair.until(lambda: pair.there.consumers.names == ["second"], "the other one runs")
    for _ in range(10):
        await pair.clock.elapse(1.0)
    assert caplog.text.count("the subscription first does not run here") == 1
    pair.there.consumers.start = start  # type: ignore[method-assign]
    await pair.until(lambda: pair.there.consumers.names == ["first", "second"], "both run")


async def test_it_goes_on_when_the_store_is_back(pair: Pair) -> None:
    await pair.instances.unplug()
    await pair.there.subscriptions.create(push())
    with pytest.raises(HistoryUnavailable):
        await pair.here.subscriptions.all()
    for _ in range(20):
        await pair.clock.elapse(1.0)
    assert pair.here.consumers.names == []
    await pair.instances.plug()
    await pair.until(lambda: pair.here.consumers.names == ["tickets"], "it runs here")


def test_the_grace_is_longer_than_a_restart() -> None:
    assert service_module.GRACE >= 600


@pytest.mark.parametrize("when", ["it starts", "it stops"])
async def test_what_is_cut_off_leaves_no_client_open(start: Start, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    call: asyncio.Task[Any]

    class Noted(OutboundClient):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self.closed = False
            clients.append(self)

        async def close(self) -> None:
            self.closed = True
            await super().close()

    clients: list[Noted] = []
    monkeypatch.setattr(running_module, "OutboundClient", Noted)
    pair: Pair = await start()
    consumers, reached = pair.here.consumers, asyncio.Event()

    async def hang(_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    if when == "it starts":
        monkeypatch.setattr(consumers, "start", hang)
        call = asyncio.create_task(pair.here.subscriptions.create(push()))
    else:
        await pair.here.subscriptions.create(push())
        monkeypatch.setattr(consumers, "stop", hang)
        call = asyncio.create_task(pair.here.subscriptions.pause("tickets", paused=True))
    await reached.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert [client.closed for client in clients] == [True]
