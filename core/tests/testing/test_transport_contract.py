"""The transport contract holds for an honest transport and catches each dishonest one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import ClassVar

import pytest
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import Message
from umbral_chat.model.signals import Signal
from umbral_chat.model.writes import Appended, Write, WriteMessage
from umbral_chat.providers.transport import (
    HeadHint,
    SignalHint,
    StateChanged,
    StateName,
    TransportEvent,
    TransportState,
)
from umbral_chat.testing.transport import TransportContract, TransportRig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUEUE = 16


class Hub:
    """Logs of heads alone, and everybody who wants to hear of them."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.heads: dict[str, Head | Deleted] = {}
        self.ears: list[HubTransport] = []

    async def append(self, write: Write) -> Appended:
        assert isinstance(write, WriteMessage)
        before = self.heads.get(write.conversation)
        head = self.heads[write.conversation] = Head("aaaaaaaaaa", before.seq + 1 if isinstance(before, Head) else 1)
        self.tell(HeadHint(write.conversation, head))
        message = Message(seq=head.seq, at=NOW, sender=write.sender, message_id=f"m{head.seq}", content=write.content)
        return Appended(message, created=True, epoch=head.epoch)

    async def delete(self, conversation: str) -> bool:
        self.heads[conversation] = Deleted()
        self.tell(HeadHint(conversation, Deleted()))
        return True

    def tell(self, event: HeadHint | SignalHint, *, by: HubTransport | None = None) -> None:
        for ear in self.ears:
            if ear is not by:
                ear.hear(event)


class HubTransport:
    """An honest transport over a hub. What the dishonest ones below change stands in a method of its own."""

    name = "hub"
    rank = 1

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.unplugged = False
        self.state = TransportState("off", "not started", NOW)
        self.followers: dict[str, int] = {}
        self.queue: OrderedDict[object, TransportEvent] = OrderedDict()
        self.numbers = count()
        self.filled = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self.task is not None:
            return
        self.become("connecting", "started")
        self.task = asyncio.create_task(self.keep(), name="hub: keep")

    async def stop(self) -> None:
        if self.task is None:
            return
        self.unplug()
        self.queue.clear()
        self.become("off", "stopped")
        await self.end_task()
        self.task = None
        self.filled.set()

    async def end_task(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def keep(self) -> None:
        while True:
            if self.unplugged and self.state.state != "down":
                self.unplug()
                self.become("down", "unplugged")
            elif not self.unplugged and self.state.state != "live":
                self.connect()
                self.become("live", "plugged in")
            await asyncio.sleep(0.01)

    def connect(self) -> None:
        self.hub.ears.append(self)
        for conversation in self.followers:
            self.first_hint(conversation)

    def unplug(self) -> None:
        if self in self.hub.ears:
            self.hub.ears.remove(self)

    def become(self, state: StateName, reason: str) -> None:
        self.state = TransportState(state, reason, NOW)
        self.put("state", StateChanged(self.state))

    async def publish(self, signal: Signal) -> None:
        if not self.unplugged:
            self.hub.tell(SignalHint(signal), by=self)

    def watch(self, conversation: str) -> None:
        self.followers[conversation] = self.followers.get(conversation, 0) + 1
        if self.followers[conversation] == 1 and self in self.hub.ears:
            self.first_hint(conversation)

    def unwatch(self, conversation: str) -> None:
        self.followers[conversation] -= 1
        if not self.followers[conversation]:
            del self.followers[conversation]

    def first_hint(self, conversation: str) -> None:
        if (head := self.hub.heads.get(conversation)) is not None:
            self.hear(HeadHint(conversation, head))

    def hear(self, event: HeadHint | SignalHint) -> None:
        if self.unplugged or not self.follows(event):
            return
        if isinstance(event, HeadHint):
            self.put(("head", event.conversation), event)
        else:
            self.make_room()
            self.put(next(self.numbers), event)

    def follows(self, event: HeadHint | SignalHint) -> bool:
        return (event.conversation if isinstance(event, HeadHint) else event.signal.conversation) in self.followers

    def make_room(self) -> None:
        signals = [key for key in self.queue if isinstance(key, int)]
        if len(signals) >= QUEUE:
            del self.queue[signals[0]]

    def put(self, key: object, event: TransportEvent) -> None:
        self.queue[key] = event
        self.filled.set()

    async def events(self) -> AsyncIterator[TransportEvent]:
        while self.state.state != "off":
            while self.queue:
                yield self.queue.popitem(last=False)[1]
            self.filled.clear()
            await self.filled.wait()


class Contract(TransportContract):
    soon = 0.4
    down_within = 0.4
    settle = 0.03
    transport: type[HubTransport] = HubTransport
    hub: Hub

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[TransportRig]:
        hub = self.hub = Hub()
        tried = self.transport(hub)

        async def cut() -> None:
            tried.unplugged = True

        async def mend() -> None:
            tried.unplugged = False

        yield TransportRig(transport=tried, peer=HubTransport(hub), logs=hub, cut=cut, mend=mend, queue=QUEUE)


class TestHubTransport(Contract):
    """An honest transport passes, on a busy machine too."""

    soon = 10.0
    down_within = 10.0


class NeverLive(HubTransport):
    def become(self, state: StateName, reason: str) -> None:
        super().become("degraded" if state == "live" else state, reason)


class ConnectsInStart(HubTransport):
    async def start(self) -> None:
        while self.unplugged:  # noqa: ASYNC110 - a fault, not an example
            await asyncio.sleep(0.01)
        await super().start()


class StartsTwice(HubTransport):
    async def start(self) -> None:
        first, self.task = self.task, None
        await super().start()
        if first is not None:
            first.cancel()


class GoesOnTelling(HubTransport):
    async def events(self) -> AsyncIterator[TransportEvent]:
        while True:
            while self.queue:
                yield self.queue.popitem(last=False)[1]
            self.filled.clear()
            await self.filled.wait()


class LeaksItsTask(HubTransport):
    async def end_task(self) -> None:
        if self.task is not None:
            asyncio.get_running_loop().call_later(0.5, self.task.cancel)


class LeaksAFile(HubTransport):
    leaked: ClassVar[list[socket.socket]] = []

    async def start(self) -> None:
        self.leaked.extend(socket.socket() for _ in range(3))  # more than may come and go by itself
        await super().start()


class RunsOnce(HubTransport):
    async def start(self) -> None:
        if self.state.reason != "stopped":
            await super().start()


class SilentAboutItsState(HubTransport):
    def become(self, state: StateName, reason: str) -> None:
        self.state = TransportState(state, reason, NOW)


class HintsNothing(HubTransport):
    def hear(self, event: HeadHint | SignalHint) -> None:
        if isinstance(event, SignalHint):
            super().hear(event)


class HintsNothingForTheNewlyWatched(HubTransport):
    def first_hint(self, conversation: str) -> None: ...


class HintsNothingOfItsStart(HubTransport):
    def connect(self) -> None:
        self.hub.ears.append(self)


class DropsHeads(HubTransport):
    def put(self, key: object, event: TransportEvent) -> None:
        super().put(key, event)
        while len(self.queue) > QUEUE:
            self.queue.popitem(last=False)


class ForgetsTheUnmade(HubTransport):
    def hear(self, event: HeadHint | SignalHint) -> None:
        if not (isinstance(event, HeadHint) and event.head == Head("aaaaaaaaaa", 1)):
            super().hear(event)


class HintsOnce(HubTransport):
    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.hinted: set[str] = set()

    def first_hint(self, conversation: str) -> None:
        if conversation not in self.hinted:
            self.hinted.add(conversation)
            super().first_hint(conversation)


class DoesNotCountFollowers(HubTransport):
    def unwatch(self, conversation: str) -> None:
        self.followers.pop(conversation, None)


class HintsTheUnwatched(HubTransport):
    def follows(self, event: HeadHint | SignalHint) -> bool:
        return True


class OverlooksDeletions(HubTransport):
    def hear(self, event: HeadHint | SignalHint) -> None:
        if not (isinstance(event, HeadHint) and isinstance(event.head, Deleted)):
            super().hear(event)


class DeafToSignals(HubTransport):
    def hear(self, event: HeadHint | SignalHint) -> None:
        if isinstance(event, HeadHint):
            super().hear(event)


class MuteAboutSignals(HubTransport):
    async def publish(self, signal: Signal) -> None: ...


class HearsItself(HubTransport):
    async def publish(self, signal: Signal) -> None:
        self.hub.tell(SignalHint(signal))


class UnboundedQueue(HubTransport):
    def make_room(self) -> None: ...


class BlocksPublish(HubTransport):
    async def publish(self, signal: Signal) -> None:
        while self.unplugged:  # noqa: ASYNC110 - a fault, not an example
            await asyncio.sleep(0.01)
        await super().publish(signal)


class RaisesFromPublish(HubTransport):
    async def publish(self, signal: Signal) -> None:
        if self.unplugged:
            raise HistoryUnavailable("unplugged")
        await super().publish(signal)


class DeniesAnOutage(HubTransport):
    async def keep(self) -> None:
        self.connect()
        self.become("live", "plugged in")
        await asyncio.Event().wait()


class ForgetsWhatItMissed(HubTransport):
    def connect(self) -> None:
        self.hub.ears.append(self)


class Hangs(HubTransport):
    """Where a test says."""

    where: ClassVar[str] = ""

    async def stop(self) -> None:
        if self.where == "stop" and self.task is not None:
            await self.forever()
        await super().stop()

    async def publish(self, signal: Signal) -> None:
        if self.where == "publish":
            await self.forever()
        await super().publish(signal)

    async def forever(self) -> None:
        await asyncio.Event().wait()


class CannotBeCancelled(Hangs):
    async def forever(self) -> None:
        while not self.hub.over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(30)


OFFENCES = [
    ("test_it_is_off_until_it_is_started_and_then_soon_live", NeverLive),
    ("test_starting_does_not_wait_for_a_connection", DeniesAnOutage),
    ("test_starting_does_not_wait_for_a_connection", ConnectsInStart),
    ("test_starting_what_runs_and_stopping_what_does_not_are_no_ops", StartsTwice),
    ("test_the_events_end_when_it_stops", GoesOnTelling),
    ("test_stopping_leaves_no_task_and_no_file", LeaksItsTask),
    ("test_stopping_leaves_no_task_and_no_file", LeaksAFile),
    ("test_it_runs_again_after_a_stop", RunsOnce),
    ("test_each_change_of_state_is_told", SilentAboutItsState),
    ("test_an_entry_of_another_instance_is_hinted", HintsNothing),
    ("test_what_happened_before_it_was_watched_is_hinted", HintsNothingForTheNewlyWatched),
    ("test_what_was_watched_before_it_started_is_hinted", HintsNothingOfItsStart),
    ("test_of_many_that_are_watched_at_once_each_is_hinted", DropsHeads),
    ("test_a_conversation_that_is_made_while_it_is_watched_is_hinted", ForgetsTheUnmade),
    ("test_watching_again_hints_again", HintsOnce),
    ("test_watching_twice_needs_unwatching_twice", DoesNotCountFollowers),
    ("test_what_nobody_watches_is_not_hinted", HintsTheUnwatched),
    ("test_a_deletion_is_hinted", OverlooksDeletions),
    ("test_a_signal_of_another_instance_arrives", DeafToSignals),
    ("test_a_signal_reaches_other_instances_and_not_its_own", MuteAboutSignals),
    ("test_a_signal_reaches_other_instances_and_not_its_own", HearsItself),
    ("test_a_reader_who_does_not_read_costs_bounded_memory_and_no_head", UnboundedQueue),
    ("test_a_reader_who_does_not_read_costs_bounded_memory_and_no_head", DropsHeads),
    ("test_publishing_never_waits", BlocksPublish),
    ("test_it_admits_that_nothing_reaches_it_and_finds_what_it_missed", DeniesAnOutage),
    ("test_it_admits_that_nothing_reaches_it_and_finds_what_it_missed", RaisesFromPublish),
    ("test_it_admits_that_nothing_reaches_it_and_finds_what_it_missed", ForgetsWhatItMissed),
]


@pytest.mark.parametrize(("guarantee", "transport"), OFFENCES, ids=lambda value: getattr(value, "__name__", None))
async def test_a_broken_transport_is_caught(guarantee: str, transport: type[HubTransport]) -> None:
    contract = Contract()
    contract.transport = transport
    try:
        with pytest.raises((AssertionError, HistoryUnavailable)):
            await getattr(contract, guarantee)()
    finally:
        while LeaksAFile.leaked:
            LeaksAFile.leaked.pop().close()


def test_each_guarantee_can_be_broken() -> None:
    guarantees = {name for name in dir(TransportContract) if name.startswith("test_")}
    assert {guarantee for guarantee, _ in OFFENCES} == guarantees


@pytest.mark.parametrize(
    ("where", "guarantee"),
    [
        ("stop", "test_the_events_end_when_it_stops"),
        ("publish", "test_a_signal_reaches_other_instances_and_not_its_own"),
    ],
)
@pytest.mark.parametrize("transport", [Hangs, CannotBeCancelled])
async def test_a_transport_that_hangs_is_told_by_the_guarantee_and_the_place(
    where: str, guarantee: str, transport: type[Hangs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hangs, "where", where)
    monkeypatch.setattr("umbral_chat.testing.bounded.CLEARING", 0.05)
    contract = Contract()
    contract.transport = transport
    contract.patience = 0.5
    before = asyncio.all_tasks()
    with pytest.raises(AssertionError) as raised:
        await getattr(contract, guarantee)()
    said = str(raised.value)
    assert said.startswith(f"The guarantee hung: {guarantee.removeprefix('test_').replace('_', ' ')}.")
    assert f"await rig.transport.{where}" in said or "await sender.publish(signal)" in said
    assert "in forever: await asyncio" in said
    contract.hub.over.set()
    left = asyncio.all_tasks() - before
    for task in left:
        task.cancel()
    if left:
        _, stuck = await asyncio.wait(left, timeout=30)
        assert not stuck


async def test_what_ends_is_not_bounded() -> None:
    contract = Contract()
    contract.patience = 0.0
    with pytest.raises(AssertionError, match="The guarantee hung"):
        await contract.test_the_events_end_when_it_stops()
    contract.patience = 60.0
    contract.soon = 10.0
    await contract.test_the_events_end_when_it_stops()
