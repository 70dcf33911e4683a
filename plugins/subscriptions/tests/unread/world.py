"""Conversations with readers, in virtual time: who writes, reads, comes and goes, and what is reported of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.conversations import Conversation, MessagePage
from umbral_chat.model.entries import Member, Message, Sender
from umbral_chat.model.fold import folded
from umbral_chat.providers.presence import PersonHere, PersonSeen, Presence, PresenceList, PresenceState, Viewer
from umbral_chat.providers.store import SharedStore
from umbral_chat_subscriptions.events import Event
from umbral_chat_subscriptions.filters import Filter
from umbral_chat_subscriptions.push import PushFailed
from umbral_chat_subscriptions.records import Subscription, new_subscription
from umbral_chat_subscriptions.unread.consuming import UnreadPushConsumer
from umbral_chat_subscriptions.unread.finding import UnreadAnswers

from core.tests.consumers.world import Instance, World
from core.tests.feed.memory import DAWN, MemoryHistory
from core.tests.feed.virtual import LoopClock

AFTER = 600.0
BOT = Sender("assistant", "bot")


class ReadHistory(MemoryHistory):
    """With members and read markers."""

    def __init__(self) -> None:
        super().__init__()
        self.members: dict[str, list[Member]] = defaultdict(list)
        self.markers: dict[tuple[str, str], int] = {}
        self.metadata: dict[str, Any] = {}

    async def messages(self, conversation: str, *, limit: int, **_: Any) -> MessagePage:
        log = self._there(conversation)
        found = [folded(entry) for entry in log.entries if isinstance(entry, Message)]
        return MessagePage(log.head, found[-limit:], len(found) > limit)

    async def conversation(self, conversation: str, **_: Any) -> Conversation:
        log = self._there(conversation)
        return Conversation(
            id=conversation,
            epoch=log.epoch,
            head=len(log.entries),
            created_at=DAWN,
            last_activity=log.last_activity,
            members=self.members[conversation],
            metadata=self.metadata,
        )

    async def read_markers(self, conversation: str, readers: Sequence[str]) -> dict[str, int]:
        return {one: self.markers[conversation, one] for one in readers if (conversation, one) in self.markers}

    def _there(self, conversation: str) -> Any:
        if self.failure is not None:
            raise self.failure
        log = self.logs[conversation]
        if log is None:
            raise ConversationDeleted(conversation)
        return log


class Here:
    """A presence that everyone knows at once."""

    def __init__(self) -> None:
        self.present: dict[str, set[str]] = defaultdict(set)
        self.left: dict[tuple[str, str], datetime] = {}
        self.listed = True

    async def settled(self, conversation: str) -> None:
        """Nothing is to be waited for."""

    def state(self, conversation: str, viewer: Viewer) -> PresenceState:
        assert viewer == Viewer(ids=True, last_seen=True)
        people = [
            PersonHere(person=f"p-{one}", role="user", status="online", since=DAWN, id=one)
            for one in self.present[conversation]
            if self.listed
        ]
        seen = [
            PersonSeen(person=f"p-{one}", role="user", id=one, last_seen=at)
            for (room, one), at in self.left.items()
            if room == conversation
        ]
        count = len(self.present[conversation])
        here = PresenceList(version="v", count=count, counts={}, listed=self.listed, people=people, last_seen=seen)
        return PresenceState(here, [])


class Reported(NamedTuple):
    """An event, and when it was taken."""

    event: Event
    at: datetime


class Sink(UnreadPushConsumer):
    """What a receiver gets, and refuses while `refusing` is set."""

    def __init__(self, subscription: Subscription, answers: UnreadAnswers, rooms: Rooms) -> None:
        nothing = cast("Any", None)
        history = rooms.history.history
        super().__init__(subscription, nothing, history, nothing, LoopClock(), nothing, nothing, answers)
        self._rooms = rooms

    async def send(self, event: Event) -> None:
        if self._rooms.refusing:
            raise PushFailed("The receiver answered 500.")
        self._rooms.reported.append(Reported(event, LoopClock().now()))


class Rooms(World):
    """The conversations, and instances that report their unread answers."""

    def __init__(self, *, presence: bool = True, chosen: Filter | None = None, after: float = AFTER) -> None:
        super().__init__()
        self.history: ReadHistory = ReadHistory()
        self.history.clock = LoopClock().now
        self.here = Here() if presence else None
        self.reported: list[Reported] = []
        self.refusing = False
        self.subscription = new_subscription(
            "unseen",
            datetime.now(UTC),
            filter=chosen or Filter(),
            start="beginning",
            imported=False,
            url="http://127.0.0.1/",
            kind="unread",
            after=after,
        )

    def answers(self, store: SharedStore | None = None) -> UnreadAnswers:
        presence = cast("Presence | None", cast("Any", self.here))
        return UnreadAnswers(self.subscription, self.history.history, store or self.store.store, presence)

    @asynccontextmanager
    async def reporting(self, store: SharedStore | None = None) -> AsyncIterator[Instance]:
        """An instance that reports."""
        async with self.started(Sink(self.subscription, self.answers(store), self), store=store) as instance:
            yield instance

    def join(self, *subjects: str, conversation: str = "room") -> None:
        self.history.members[conversation] += [Member(one) for one in subjects]

    def write(self, sender: Sender = BOT, conversation: str = "room") -> int:
        """A message; its seq."""
        log = self.history.log(conversation)
        seq = len(log.entries) + 1
        log._add(Message(seq=seq, at=log._now(), sender=sender, message_id=f"m{seq}", content=f"text {seq}"))
        return seq

    def redact(self, seq: int, conversation: str = "room") -> None:
        log = self.history.log(conversation)
        log.redact(cast("Message", log.entries[seq - 1]))

    def read(self, reader: str, seq: int, conversation: str = "room", kind: str = "user") -> None:
        key = conversation, f"{kind}:{reader}"
        self.history.markers[key] = max(seq, self.history.markers.get(key, 0))

    def come(self, reader: str, conversation: str = "room") -> None:
        assert self.here is not None
        self.here.present[conversation].add(reader)

    def leave(self, reader: str, conversation: str = "room") -> None:
        assert self.here is not None
        if reader in self.here.present[conversation]:
            self.here.present[conversation].discard(reader)
            self.here.left[conversation, reader] = LoopClock().now()

    @property
    def found(self) -> list[tuple[str, int]]:
        """Who was reported for which entry."""
        return [(one.event.reader.subject, one.event.entry.seq) for one in self.reported]  # type: ignore[union-attr]


def visitor(name: str) -> Sender:
    return Sender("user", name)


SOON = 10.0
"""Seconds within which what is due is reported."""

__all__ = ["AFTER", "BOT", "SOON", "Here", "ReadHistory", "Reported", "Rooms", "Sink", "visitor"]
