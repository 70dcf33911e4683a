"""The base class of transports: state, tasks and events from start to stop."""

from __future__ import annotations

import asyncio

from umbral_chat.model.conversations import Head
from umbral_chat.providers.transport import HeadHint, StateChanged
from umbral_chat.testing import ManualClock
from umbral_chat.transport_kit.base import TransportBase


class Idle(TransportBase):
    """Waits until it is stopped."""

    async def start(self) -> None:
        if not self.running:
            self._reopen()
            self._set_state("connecting", "starting")
            self._tasks = [asyncio.create_task(self._wait())]

    async def _wait(self) -> None:
        await asyncio.Event().wait()

    def watch(self, conversation: str) -> None:
        if self._watched.watch(conversation):
            self._events.put(HeadHint(conversation, Head("e" * 10, 1)))


async def test_stopped_it_is_off_without_tasks_and_its_events_end() -> None:
    transport = Idle(ManualClock(), queue=10)
    await transport.stop()
    await transport.start()
    events = transport.events()
    assert transport.state.state == "connecting"
    before = asyncio.all_tasks()
    await transport.stop()
    assert (transport.state.state, transport.running) == ("off", False)
    assert asyncio.all_tasks() < before
    assert [event async for event in events] == []


async def test_started_again_it_has_new_events() -> None:
    transport = Idle(ManualClock(), queue=10)
    for _ in range(2):
        await transport.start()
        assert isinstance(await anext(transport.events()), StateChanged)
        await transport.stop()


async def test_another_reason_is_an_event_and_keeps_since() -> None:
    clock = ManualClock()
    transport = Idle(clock, queue=10)
    transport._set_state("down", "no route")
    since = transport.state.since
    await clock.elapse(5)
    transport._set_state("down", "no route")
    assert len(transport.events()) == 1
    transport._set_state("down", "no name")
    assert transport.state.since == since
    transport._set_state("live", "connected")
    assert transport.state.since > since


def test_an_unread_head_is_dropped_with_the_last_follower() -> None:
    transport = Idle(ManualClock(), queue=10)
    transport.watch("room")
    transport.watch("room")
    transport.unwatch("room")
    assert len(transport.events()) == 1
    transport.unwatch("room")
    assert len(transport.events()) == 0
