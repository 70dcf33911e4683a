"""How entries and signals arrive at this instance and leave it, and how they are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from umbral_chat.feed import Batch, Follower, Reader, ReaderPermit, View
    from umbral_chat.model.cursor import Cursor
    from umbral_chat.model.signals import Mode, Signal
    from umbral_chat.providers.auth import Principal
    from umbral_chat.providers.transport import TransportState


class FeedService(Protocol):
    """The feeds: conversations as this instance follows them."""

    async def read(self, conversation: str, cursor: Cursor, limit: int) -> Batch:
        """What follows `cursor`, at most `limit` entries, without waiting for new ones.

        Raises CursorExpired, ConversationDeleted, and HistoryUnavailable when the history does not answer and memory
        does not reach back to the cursor.
        """
        ...

    def peek(self, conversation: str) -> View | None:
        """The conversation as memory has it, if that is current as far as this instance can tell: no wait, no read."""
        ...

    def reading(self, conversation: str, caller: Principal | None = None) -> AbstractAsyncContextManager[Reader]:
        """Follow a conversation: a Reader to wait with, on behalf of `caller` (None: of the service itself).

        Entering it raises Unavailable (`too_many_readers`) past the instance's limit and TooManyRequests
        (`too_many_own_readers`) past the caller's own.
        """
        ...

    def permit(self, caller: Principal | None) -> ReaderPermit:
        """A reader's place for `caller` (None: the service itself), held until its `close`: for an edge whose readers
        wait on something else than a Reader. Raises what `reading` raises."""
        ...

    def follow(self, conversation: str, on_change: Callable[[], None]) -> Follower:
        """Follow a conversation until the `close` of what is returned.

        `on_change` is called at once, with nothing, when entries, signals, the mode, or the log's existence change, and
        when the service drains; it must neither wait nor raise. What changed is found by asking. It takes no reader's
        place: those on whose behalf the conversation is followed have one each.
        """
        ...

    async def epoch(self, conversation: str) -> str | None:
        """The log's epoch; None when it was never made. Raises ConversationDeleted and HistoryUnavailable."""
        ...


class DeliveryService(Protocol):
    """How entries and signals of other instances arrive, and signals leave."""

    @property
    def mode(self) -> Mode:
        """`live`, `polling` or `local`."""
        ...

    def status(self) -> Sequence[TransportInfo]:
        """Every transport, the highest rank first."""
        ...

    def publish(self, signal: Signal) -> None:
        """Queue a signal for other instances, best effort. Never waits, never raises."""
        ...


class TransportInfo(Protocol):
    """One transport, as `GET /v1/status` shows it."""

    @property
    def name(self) -> str:
        """Its own name."""
        ...

    @property
    def rank(self) -> int:
        """The highest one that is live is used."""
        ...

    @property
    def state(self) -> TransportState:
        """Its state, since when, and why."""
        ...

    @property
    def in_use(self) -> bool:
        """Whether it delivers now."""
        ...

    @property
    def next_attempt_in(self) -> float | None:
        """Seconds until it is started again; None: it runs, or is switched off."""
        ...


class ToggleService(Protocol):
    """The realtime toggle."""

    @property
    def state(self) -> ToggleInfo:
        """The value in force."""
        ...

    def on_change(self, listener: Callable[[ToggleInfo], None]) -> None:
        """Call `listener` when it is switched, here or at another instance."""
        ...


class ToggleInfo(Protocol):
    """Whether realtime is on, and who switched it."""

    @property
    def enabled(self) -> bool:
        """Whether it is on."""
        ...

    @property
    def by(self) -> str | None:
        """Who switched it; None: it has its start value."""
        ...

    @property
    def at(self) -> datetime | None:
        """When."""
        ...

    @property
    def locked(self) -> bool:
        """Whether it is off in the settings, which the API cannot change."""
        ...


__all__ = ["DeliveryService", "FeedService", "ToggleInfo", "ToggleService", "TransportInfo"]
