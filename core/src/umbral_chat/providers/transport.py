"""Transport: how an instance learns what happened elsewhere. It only makes the log fast."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import Entry
from umbral_chat.model.signals import Signal
from umbral_chat.providers.store import Record

StateName = Literal["off", "connecting", "live", "degraded", "down"]


class TransportState(msgspec.Struct, frozen=True):
    """What a transport says of itself: its state, why, and since when (UTC)."""

    state: StateName
    reason: str
    since: datetime


class EntryHint(msgspec.Struct, frozen=True):
    """This entry was appended. May come late, twice, out of order, or never."""

    conversation: str
    epoch: str
    entry: Entry


class HeadHint(msgspec.Struct, frozen=True):
    """The log stands here, or is deleted, as the store said at some time: as untrusted as any hint."""

    conversation: str
    head: Head | Deleted


class SignalHint(msgspec.Struct, frozen=True):
    """Somebody published this signal on another instance."""

    signal: Signal


class ToggleHint(msgspec.Struct, frozen=True):
    """The realtime toggle as the shared store has it now (None: never set)."""

    record: Record | None


class StateChanged(msgspec.Struct, frozen=True):
    """The transport's state changed to this."""

    state: TransportState


TransportEvent = EntryHint | HeadHint | SignalHint | ToggleHint | StateChanged


class Transport(Protocol):
    """Brings hints and signals of other instances.

    Guarantees, which `umbral_chat.testing.TransportContract` checks:

    - *Delivery.* None is promised: hints may be lost, late, repeated or reordered. What is promised is honesty about
      `state`: `live` only when it believes that hints arrive, and `down` within a bounded time when they do not.
    - *Interest.* Hints come for watched conversations; a conversation that becomes watched is hinted at least once
      soon after, so that what happened before is found. `watch` twice needs `unwatch` twice.
    - *Bounds.* Its queue of events is bounded; when its reader is slow it merges or drops hints, never blocks
      `publish`, and never drops the latest head of a conversation that it has learnt of.
    - *Tasks.* It runs between `start` and `stop`; both may be called again, `stop` leaves no task, socket or file.
      Starting what runs and stopping what does not are no-ops.

    Who restarts it is the core: when `start` raises or `events` ends or raises, and, above rank 0, when it says `down`,
    does not become `live` again within `realtime.connect_timeout`, or is `degraded` for a minute. It calls `stop`, and
    after a pause `start`, on the same object. The pause grows from `realtime.retry.initial` to `realtime.retry.max`,
    with jitter and at most `realtime.retry.budget` tries an hour. As long as it is not stopped a transport that is down
    goes on trying itself: at rank 0 and below nobody restarts it, and neither does a test. What is watched stays
    watched over a stop; `watch` and `unwatch` come while it is stopped, too.
    """

    name: str
    rank: int
    """The live transport of the highest rank is used; polling has rank 0."""

    @property
    def state(self) -> TransportState:
        """What it says of itself now."""
        ...

    async def start(self) -> None:
        """Begin to connect; returns at once, `state` tells how it goes."""
        ...

    async def stop(self) -> None:
        """Let go of everything; `state` is `off` afterwards and `events` ends."""
        ...

    async def publish(self, signal: Signal) -> None:
        """Tell the other instances. Best effort: raises nothing for a transport that is down."""
        ...

    def watch(self, conversation: str) -> None:
        """Somebody here follows it."""
        ...

    def unwatch(self, conversation: str) -> None:
        """One follower fewer."""
        ...

    def events(self) -> AsyncIterator[TransportEvent]:
        """What was learnt, until `stop`. One reader at a time."""
        ...


@runtime_checkable
class StandsBy(Protocol):
    """Optional ability of a transport that reads the store: to rest while another one is in use."""

    def stand_by(self, standing: bool) -> None:
        """True: another transport brings the hints, so do no more than being ready and reading the toggle. False: look
        at every watched conversation at once, and go on. Said before the first start, too."""
        ...


@runtime_checkable
class Announces(Protocol):
    """Optional ability of a transport that must itself tell the other instances what was written here, as one over
    Redis, NATS or PostgreSQL's NOTIFY must. One whose store tells, or that reads the store, does without.

    Guarantees, which `umbral_chat.testing.AnnouncesContract` checks:

    - What `announce` is given is what the others hint, to who watches there: as it is, or shortened to a `HeadHint` of
      where the log got to. They need not ask the store for it: a hint is not trusted, and the feed reads what it needs.
    - Like `publish` it only puts something into a queue, which is bounded, and raises nothing for a transport that is
      down. What does not fit, or is lost on the way, costs time: the next announcement of the conversation makes it
      superfluous, and reconciling finds it (`realtime.reconcile_interval`).

    The core calls it after the write was answered for, from a task of its own, in order, with a bound on what waits and
    a timeout: a transport that is slow, fails or hangs holds up no send. Every transport that has the ability and says
    `live` or `degraded` is told, also while another one is in use here: it may be the one in use elsewhere.
    """

    async def announce(self, hint: EntryHint | HeadHint) -> None:
        """An entry was appended here, or (a `HeadHint` of `Deleted`) a conversation was deleted here. A `HeadHint` of
        a head: the log got that far while more waited than could be kept."""
        ...


__all__ = [
    "Announces",
    "EntryHint",
    "HeadHint",
    "SignalHint",
    "StandsBy",
    "StateChanged",
    "StateName",
    "ToggleHint",
    "Transport",
    "TransportEvent",
    "TransportState",
]
