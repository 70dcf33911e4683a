"""Transport: notifies an instance of what happened at others. It only makes the log fast."""

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
    """The state that a transport reports, the reason, and since when (UTC)."""

    state: StateName
    reason: str
    since: datetime


class EntryHint(msgspec.Struct, frozen=True):
    """This entry was appended. May arrive late, twice, out of order, or never."""

    conversation: str
    epoch: str
    entry: Entry


class HeadHint(msgspec.Struct, frozen=True):
    """The head of a log, or its deletion, as the store had it at some time: as untrusted as any hint."""

    conversation: str
    head: Head | Deleted


class SignalHint(msgspec.Struct, frozen=True):
    """This signal was published on another instance."""

    signal: Signal


class ToggleHint(msgspec.Struct, frozen=True):
    """The realtime toggle as the shared store has it now (None: never set)."""

    record: Record | None


class StateChanged(msgspec.Struct, frozen=True):
    """The transport's state changed to this."""

    state: TransportState


TransportEvent = EntryHint | HeadHint | SignalHint | ToggleHint | StateChanged


class Transport(Protocol):
    """Delivers hints and signals of other instances.

    Guarantees, which `umbral_chat.testing.TransportContract` checks:

    - *Delivery.* None is guaranteed: hints may be lost, late, repeated or reordered. The guarantee is an honest
      `state`: `live` only while it believes that hints arrive, and `down` within a bounded time when they do not.
    - *Interest.* Hints arrive for watched conversations. After a conversation becomes watched, a hint for it arrives
      soon, at least once, so that earlier entries are found. `watch` twice needs `unwatch` twice.
    - *Bounds.* Its queue of events is bounded; when its reader is slow it merges or drops hints, never blocks
      `publish`, and never drops the latest head that it knows of a conversation.
    - *Tasks.* It runs between `start` and `stop`. Both may be called again; `stop` leaves no task, socket or file.
      Starting it when it runs, and stopping it when it does not, are no-ops.

    The core restarts it: when `start` raises, or `events` ends or raises, and, above rank 0, when it reports `down`,
    does not become `live` again within `realtime.connect_timeout`, or is `degraded` for a minute. It calls `stop`, and
    after a pause `start`, on the same object. The pause grows from `realtime.retry.initial` to `realtime.retry.max`,
    with jitter and at most `realtime.retry.budget` tries an hour. Until it is stopped, a transport that is down
    keeps trying by itself: at rank 0 and below it is not restarted, and the contract's tests do not restart it either.
    Watched conversations stay watched over a stop; `watch` and `unwatch` are also called while it is stopped.
    """

    name: str
    rank: int
    """The live transport of the highest rank is used; polling has rank 0."""

    @property
    def state(self) -> TransportState:
        """The state now."""
        ...

    async def start(self) -> None:
        """Begin to connect. Returns at once; `state` shows the progress."""
        ...

    async def stop(self) -> None:
        """Close everything; afterwards `state` is `off`, and `events` ends."""
        ...

    async def publish(self, signal: Signal) -> None:
        """Send a signal to the other instances. Best effort: does not raise when the transport is down."""
        ...

    def watch(self, conversation: str) -> None:
        """A follower on this instance needs hints for the conversation."""
        ...

    def unwatch(self, conversation: str) -> None:
        """A follower on this instance no longer needs them."""
        ...

    def events(self) -> AsyncIterator[TransportEvent]:
        """The hints, signals and state changes, until `stop`. One reader at a time."""
        ...


@runtime_checkable
class StandsBy(Protocol):
    """Optional ability of a transport that reads the store: to rest while another one is in use."""

    def stand_by(self, standing: bool) -> None:
        """True: another transport delivers the hints, so only stay ready and read the toggle. False: check every
        watched conversation at once, and continue. Also called before the first start."""
        ...


@runtime_checkable
class Announces(Protocol):
    """Optional ability of a transport that must itself notify the other instances of writes here, as one over Redis,
    NATS or PostgreSQL's NOTIFY must. A transport whose store notifies, or that reads the store, does not need it.

    Guarantees, which `umbral_chat.testing.AnnouncesContract` checks:

    - What `announce` is given becomes a hint at the other instances that watch the conversation: unchanged, or
      shortened to a `HeadHint` of the new head. They need not ask the store: a hint is not trusted, and the feed reads
      what it needs.
    - Like `publish` it only puts something into a bounded queue, and does not raise when the transport is down. An
      announcement that does not fit, or is lost, costs time: the next one for the conversation supersedes it, and
      reconciliation finds the entry (`realtime.reconcile_interval`).

    The core calls it after the write was answered, from a separate task, in order, with a bounded queue and a timeout:
    a transport that is slow, fails or hangs does not delay a send. It is called on every transport that has the ability
    and is `live` or `degraded`, also while another one is in use here: it may be the one in use elsewhere.
    """

    async def announce(self, hint: EntryHint | HeadHint) -> None:
        """An entry was appended here, or (a `HeadHint` of `Deleted`) a conversation was deleted here. A `HeadHint` of
        a head: the log got that far while the queue was full."""
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
