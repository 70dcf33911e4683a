"""The transport on a store in memory: what it asks, how often, and what it does when the store fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, ReadSignal
from umbral_chat.providers.store import Record, StoredSignal
from umbral_chat.providers.transport import HeadHint, SignalHint, StateChanged, ToggleHint, TransportEvent
from umbral_chat.testing import ManualClock
from umbral_chat_polling import Polling, PollingTransport
from umbral_chat_polling import tick as tick_module
from umbral_chat_polling import transport as transport_module

from .conftest import MemoryStore


@asynccontextmanager
async def running(transport: PollingTransport) -> AsyncIterator[list[TransportEvent]]:
    """The transport runs inside; yields the list of its events so far."""
    await transport.start()
    events: list[TransportEvent] = []

    async def read() -> None:
        async for event in transport.events():
            events.append(event)  # noqa: PERF401 - `until` reads it meanwhile

    reading = asyncio.create_task(read())
    try:
        yield events
    finally:
        await transport.stop()
        await asyncio.wait_for(reading, 10)


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for it, ten seconds at most."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"never happened: {what}")


async def live(transport: PollingTransport) -> None:
    await until(lambda: transport.state.state == "live", "live")


def heads(events: list[TransportEvent]) -> list[HeadHint]:
    return [event for event in events if isinstance(event, HeadHint)]


def states(events: list[TransportEvent]) -> list[str]:
    return [event.state.state for event in events if isinstance(event, StateChanged)]


async def test_with_nothing_watched_only_the_toggle_is_read(
    transport: PollingTransport, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "TOGGLE_INTERVAL", 0.02)
    store.grow("a")
    async with running(transport):
        await until(lambda: store.asked_toggle >= 5, "five reads of the toggle")
    assert store.asked == []
    assert store.asked_signals == []


async def test_a_tick_asks_for_all_that_is_watched_in_one_call(transport: PollingTransport, store: MemoryStore) -> None:
    for name in "abc":
        transport.watch(name)
    async with running(transport):
        await until(lambda: len(store.asked) >= 3, "three ticks")
    assert store.asked == [["a", "b", "c"]] * len(store.asked)


async def test_standing_by_it_reads_the_toggle_alone_and_back_at_work_it_looks_at_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "TOGGLE_INTERVAL", 0.02)
    transport = PollingTransport(store.storage, Polling(interval=60, min_interval=60, max_interval=60), SystemClock())
    transport.watch("a")
    async with running(transport) as events:
        await live(transport)
        transport.stand_by(standing=True)
        before, toggles = len(store.asked), store.asked_toggle
        transport.watch("b")
        head = store.grow("a")
        await until(lambda: store.asked_toggle >= toggles + 5, "five reads of the toggle")
        assert len(store.asked) == before, "it looks at logs while it rests"
        assert transport.state.state == "live"
        transport.stand_by(standing=False)
        await until(lambda: HeadHint("a", head) in events, "what happened meanwhile")
        assert store.asked[before:] == [["a", "b"]]


async def test_standing_by_it_says_when_the_store_is_away(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "TOGGLE_INTERVAL", 0.02)
    transport = PollingTransport(store.storage, Polling(interval=0.02, min_interval=0.02), SystemClock())
    async with running(transport) as events:
        await live(transport)
        transport.stand_by(standing=True)
        store.failure = HistoryUnavailable("away")
        await until(lambda: transport.state.state == "down", "down")
        store.failure = None
        await until(lambda: states(events)[-2:] == ["down", "live"], "that it is live again")
        assert transport.state.state == "live"


async def test_very_many_are_asked_for_in_parts(
    transport: PollingTransport, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tick_module, "HEADS_BATCH", 4)
    for number in range(10):
        store.grow(f"c{number}")
        transport.watch(f"c{number}")
    async with running(transport) as events:
        await until(lambda: len(heads(events)) == 10, "all ten")
    assert [len(part) for part in store.asked[:3]] == [4, 4, 2]


async def test_only_changes_are_hinted(transport: PollingTransport, store: MemoryStore) -> None:
    store.grow("a")
    transport.watch("a")
    async with running(transport) as events:
        await until(lambda: len(store.asked) >= 4, "some ticks")
        second = store.grow("a")
        await until(lambda: HeadHint("a", second) in events, "the change")
        ticks = len(store.asked)
        await until(lambda: len(store.asked) >= ticks + 3, "some more ticks")
        store.logs["a"] = Deleted()
        await until(lambda: HeadHint("a", Deleted()) in events, "the deletion")
    assert heads(events) == [HeadHint("a", Head("aaaaaaaaaa", 1)), HeadHint("a", second), HeadHint("a", Deleted())]


async def test_a_newly_watched_conversation_is_read_at_once_and_alone(store: MemoryStore) -> None:
    slow = PollingTransport(store.storage, Polling(interval=60, min_interval=60, max_interval=60), SystemClock())
    slow.watch("a")
    async with running(slow) as events:
        await live(slow)
        for name in "bcd":
            store.grow(name)
            slow.watch(name)
        await until(lambda: len(heads(events)) == 3, "the newly watched")
    assert store.asked == [["a"], ["b", "c", "d"]], "one more look for those who came together"


async def test_busy_it_ticks_fast_and_quiet_it_slows_down(store: MemoryStore) -> None:
    clock = ManualClock()
    transport = PollingTransport(store.storage, Polling(interval=0.01, min_interval=0.01, max_interval=30), clock)
    transport.watch("a")
    async with running(transport):
        await clock.elapse(0.6)
        quiet = len(store.asked)
        # Pauses of 0.01 s, each half as long again: at most ten fit into 0.6 s.
        assert 2 <= quiet <= 10
        store.grow("a")
        for _ in range(100):
            if len(store.asked) > quiet:
                break
            await clock.elapse(0.01)
        found = len(store.asked)
        assert found > quiet, "the tick that finds something new"
        await clock.elapse(0.6)
        # Grown as it was, the pause would leave time for one more at most.
        assert len(store.asked) >= found + 3


async def test_a_new_watcher_while_the_store_fails_does_not_hurry_the_retries(store: MemoryStore) -> None:
    transport = PollingTransport(store.storage, Polling(interval=9, min_interval=9, max_interval=9), SystemClock())
    store.break_()
    async with running(transport):
        await until(lambda: transport.state.state == "degraded", "degraded")
        asked = store.asked_toggle
        for _ in range(10):
            transport.watch("a")
            await asyncio.sleep(0.01)
        assert store.asked_toggle == asked


async def test_the_toggle_is_reported_once_and_at_each_change(
    transport: PollingTransport, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "TOGGLE_INTERVAL", 0.02)
    async with running(transport) as events:
        await until(lambda: ToggleHint(None) in events, "that it was never set")
        await until(lambda: store.asked_toggle >= 5, "some reads")
        store.toggle = Record(b"false", 1)
        await until(lambda: ToggleHint(Record(b"false", 1)) in events, "the change")
    assert [event for event in events if isinstance(event, ToggleHint)] == [
        ToggleHint(None),
        ToggleHint(Record(b"false", 1)),
    ]


async def test_the_toggle_is_read_within_two_seconds_however_slow_the_ticks_are(store: MemoryStore) -> None:
    transport = PollingTransport(store.storage, Polling(interval=60, min_interval=60, max_interval=60), SystemClock())
    transport.watch("a")
    async with running(transport) as events:
        await live(transport)
        store.toggle = Record(b"false", 1)
        assert transport_module.TOGGLE_INTERVAL < 2
        async with asyncio.timeout(10):
            await until(lambda: ToggleHint(store.toggle) in events, "the change")
    assert len(store.asked) == 1


async def test_signals_of_others_arrive_in_order_and_its_own_do_not(
    store: MemoryStore, quick: Polling, transport: PollingTransport
) -> None:
    other = PollingTransport(store.storage, quick, SystemClock())
    drafts = [
        DraftSignal(conversation="a", message_id=f"m{number}", text="The answer", sender=Sender("assistant"))
        for number in range(5)
    ]
    replaced = msgspec.structs.replace(drafts[0], text="The")
    own = ReadSignal(conversation="a", subject="me", seq=1)
    transport.watch("a")
    async with running(transport) as events, running(other):
        await live(transport)
        await live(other)
        await transport.publish(own)
        await other.publish(ReadSignal(conversation="b", subject="nobody asks", seq=1))
        for draft in (replaced, *drafts):
            await other.publish(draft)
        await until(lambda: SignalHint(drafts[-1]) in events, "the last draft")
    assert [event for event in events if isinstance(event, SignalHint)] == [SignalHint(draft) for draft in drafts]
    assert len(store.signals) == 7


async def test_signals_from_before_anybody_watched_are_not_brought_up(
    store: MemoryStore, quick: Polling, transport: PollingTransport
) -> None:
    other = PollingTransport(store.storage, quick, SystemClock())
    async with running(transport) as events, running(other):
        await other.publish(ReadSignal(conversation="a", subject="then", seq=1))
        await until(lambda: store.signals, "the post")
        transport.watch("a")
        await until(lambda: len(store.asked_signals) >= 2, "a look at the signals")
        await other.publish(ReadSignal(conversation="a", subject="now", seq=2))
        await until(lambda: any(isinstance(event, SignalHint) for event in events), "a signal")
    assert [event.signal for event in events if isinstance(event, SignalHint)] == [
        ReadSignal(conversation="a", subject="now", seq=2)
    ]
    assert store.asked_signals[0] == -1


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b'{"from":"x","signal":{"signal":"of the future"}}'])
async def test_a_signal_that_it_cannot_read_is_passed_over(
    store: MemoryStore, transport: PollingTransport, payload: bytes
) -> None:
    transport.watch("a")
    async with running(transport) as events:
        await until(lambda: len(store.asked_signals) >= 2, "a look at the signals")
        store.signals.append(StoredSignal(1, "a", payload))
        head = store.grow("a")
        await until(lambda: HeadHint("a", head) in events, "what came after it")
        assert transport.state.state == "live"


async def test_a_failing_store_is_admitted_by_degrees_and_forgiven_at_once(
    transport: PollingTransport, store: MemoryStore
) -> None:
    transport.watch("a")
    async with running(transport) as events:
        await live(transport)
        store.break_()
        missed = store.grow("a")
        await until(lambda: transport.state.state == "down", "down")
        since = transport.state.since
        assert transport.state.reason == "the disk is gone"
        await asyncio.sleep(0.1)
        assert transport.state.since == since, "it is down since it went down"
        store.failure = None
        await until(lambda: HeadHint("a", missed) in events, "what was missed")
        assert transport.state.state == "live"
    assert states(events)[:5] == ["connecting", "live", "degraded", "down", "live"]


async def test_a_store_that_hangs_counts_as_one_that_fails(
    transport: PollingTransport, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "TICK_TIMEOUT", 0.02)
    transport.watch("a")
    async with running(transport):
        await live(transport)
        store.hangs = True
        await until(lambda: transport.state.state == "down", "down")
        assert transport.state.reason == "the store did not answer within 0.02 s"
        store.hangs = False
        await live(transport)


async def test_a_store_that_raises_what_it_should_not_does_not_end_the_ticks(
    transport: PollingTransport, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    transport.watch("a")
    async with running(transport):
        await live(transport)
        store.failure = KeyError("a bug in a plugin")
        await until(lambda: transport.state.state == "down", "down")
        assert "a bug in a plugin" in transport.state.reason
        store.failure = None
        await live(transport)
    assert "a bug in a plugin" in caplog.text


async def test_publishing_survives_a_store_that_does_not_take_it(
    transport: PollingTransport, store: MemoryStore
) -> None:
    async with running(transport):
        await live(transport)
        for failure in (HistoryUnavailable("gone"), RuntimeError("a bug in a plugin")):
            store.failure = failure
            await transport.publish(ReadSignal(conversation="a", subject="lost", seq=1))
            await asyncio.sleep(0.02)
        store.failure = None
        await transport.publish(ReadSignal(conversation="a", subject="kept", seq=2))
        await until(lambda: store.signals, "the post")
    assert [b"kept" in stored.payload for stored in store.signals] == [True]


async def test_stopped_in_the_middle_of_a_look_it_leaves_nothing(
    transport: PollingTransport, store: MemoryStore
) -> None:
    tasks = asyncio.all_tasks()
    transport.watch("a")
    store.hangs = True
    await transport.start()
    await until(lambda: store.asked, "a look")
    await transport.publish(ReadSignal(conversation="a", subject="me", seq=1))
    await asyncio.sleep(0)
    await transport.stop()
    assert asyncio.all_tasks() == tasks
    assert transport.state.state == "off"


async def test_started_again_it_tells_everything_once_more(transport: PollingTransport, store: MemoryStore) -> None:
    head = store.grow("a")
    transport.watch("a")
    for _ in range(2):
        async with running(transport) as events:
            await until(lambda events=events: HeadHint("a", head) in events and ToggleHint(None) in events, "both")  # type: ignore[misc]
