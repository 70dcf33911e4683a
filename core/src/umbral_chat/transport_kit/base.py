"""What transports have in common: their state, their tasks, what they watch and the queue of their events."""

from __future__ import annotations

import asyncio

from umbral_chat.clock import Clock
from umbral_chat.providers.transport import StateChanged, StateName, TransportState
from umbral_chat.transport_kit.event_queue import EventQueue
from umbral_chat.transport_kit.watch_list import WatchList


class TransportBase:
    """A base class for a `Transport` that runs in tasks of its own between `start` and `stop`.

    A subclass adds `name`, `rank`, `start`, `publish` and `watch`. Its `start` returns at once where `running`; else it
    calls `_reopen`, sets a first state, and puts the tasks that it creates in `_tasks`. It puts hints in `_events`, and
    changes its state by `_set_state` alone.
    """

    def __init__(self, clock: Clock, *, queue: int) -> None:
        """`queue` is the limit of unread entries and of unread signals, as `EventQueue` takes it."""
        self._clock = clock
        self._queue_limit = queue
        self._watched = WatchList()
        self._events = EventQueue(queue)
        self._state = TransportState("off", "not started", clock.now())
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> TransportState:
        """The state, with its reason and since when."""
        return self._state

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return bool(self._tasks)

    async def stop(self) -> None:
        """Cancel the tasks, and end the events. Does nothing where it does not run."""
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        self._set_state("off", "stopped")
        self._events.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def unwatch(self, conversation: str) -> None:
        """Count one follower fewer; with the last one, an unread head of the conversation is dropped."""
        if self._watched.unwatch(conversation):
            self._events.drop_head(conversation)

    def events(self) -> EventQueue:
        """Hints, signals and changes of state, until `stop`."""
        return self._events

    def _reopen(self) -> None:
        """Give the next run a queue of its own, where the one before was closed by `stop`."""
        if self._events.closed:
            self._events = EventQueue(self._queue_limit)

    def _set_state(self, state: StateName, reason: str) -> None:
        """Change the state, and put an event for that. Another reason alone keeps the `since` of the state."""
        if (state, reason) != (self._state.state, self._state.reason):
            since = self._state.since if state == self._state.state else self._clock.now()
            self._state = TransportState(state, reason, since)
            self._events.put(StateChanged(self._state))


__all__ = ["TransportBase"]
