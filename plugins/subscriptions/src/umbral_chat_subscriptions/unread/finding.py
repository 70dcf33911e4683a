"""Finding the readers of a conversation's answer, when it is due: what the rule asks for, read from the stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.authors import author
from umbral_chat.model.entries import Message
from umbral_chat.providers.history import KnowsReaders
from umbral_chat.providers.presence import Viewer

from umbral_chat_subscriptions.events import Event, unread_event
from umbral_chat_subscriptions.unread.reports import Reports
from umbral_chat_subscriptions.unread.rule import (
    ANSWERS,
    Reader,
    ReaderState,
    answer_of,
    is_unread,
    readers_of,
    reported_after,
    unread_by,
)

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.model.entries import Entry, FoldedMessage
    from umbral_chat.providers.history import History
    from umbral_chat.providers.presence import Presence
    from umbral_chat.providers.store import SharedStore

    from umbral_chat_subscriptions.records import Subscription

MESSAGES = 100
"""Newest messages that are looked at: among them are the answer and, for those who are no members, the readers."""

_ALL = Viewer(ids=True, last_seen=True)


class _Seen(NamedTuple):
    """What presence knows of a conversation. `listed` False: so many people are there that it does not say who."""

    listed: bool
    present: frozenset[str]
    last_seen: Mapping[str, datetime]


class UnreadAnswers:
    """The answers of one subscription that were not read. Raises HistoryUnavailable where it waits."""

    def __init__(
        self, subscription: Subscription, history: History, store: SharedStore, presence: Presence | None
    ) -> None:
        self.roles = subscription.filter.roles or list(ANSWERS)
        self._subscription = subscription.id
        self._history = history
        self._presence = presence
        self.reports = Reports(store, subscription.id)

    @classmethod
    def of(cls, services: Services, subscription: Subscription) -> UnreadAnswers:
        """On the parts of the running service."""
        return cls(subscription, services.storage.history, services.storage.store, services.presence)

    async def events(self, conversation: str, epoch: str, entry: Entry) -> list[Event]:
        """An event for each reader who has not read the answer that `entry` is, or which it was before it was redacted.
        None: a newer one is there, which is due later, or nobody is to be notified.

        Asked again about an entry, it has the same events for whoever has not read meanwhile.
        """
        try:
            return await self._events(conversation, epoch, entry)
        except ConversationDeleted:
            return []

    async def pending(self, conversation: str, seqs: Sequence[int]) -> int | None:
        """The first of the answers with these seqs that was reported for somebody: as long as it is not handled its
        report may not be delivered."""
        reported = set((await self.reports.load(conversation))[0].values())
        return next((seq for seq in seqs if seq in reported), None)

    async def _events(self, conversation: str, epoch: str, entry: Entry) -> list[Event]:
        page = await self._history.messages(conversation, limit=MESSAGES)
        found = await self._history.conversation(conversation)
        if found is None or page.head is None or not page.head.epoch == found.epoch == epoch:
            return []
        before, version = await self.reports.load(conversation, epoch)
        messages = page.messages
        answer = answer_of(messages, self.roles, entry.seq if entry.seq in before.values() else None)
        if answer is None or answer.seq > entry.seq:
            return []
        readers = readers_of(found.members, messages, answer)
        states = await self._states(conversation, list(readers), before)
        unread = [reader for subject, reader in readers.items() if is_unread(answer, reader, states[subject], messages)]
        after = reported_after(before, answer, [reader.subject for reader in unread], states, messages)
        if after != before:
            # Before any is delivered: what is reported and not handled is given again, in place of a newer answer.
            await self.reports.store(conversation, epoch, after, expect=version)
        if not unread or (message := await self._message(conversation, epoch, entry, answer)) is None:
            return []
        return [self._event(conversation, epoch, message, one, states[one.subject], messages) for one in unread]

    async def _states(
        self, conversation: str, subjects: list[str], reported: Mapping[str, int]
    ) -> dict[str, ReaderState]:
        # A member may be a user of an identity provider, or the subject of a token: neither the list of members nor an
        # entry says which.
        authors = {subject: [author("token", subject), author("user", subject)] for subject in subjects}
        markers: dict[str, int] = {}
        if isinstance(self._history, KnowsReaders):
            asked = [one for several in authors.values() for one in several]
            markers = await self._history.read_markers(conversation, asked)
        seen = await self._seen(conversation)
        return {
            subject: ReaderState(
                marker=max((markers[one] for one in several if one in markers), default=None),
                present=subject in seen.present or not seen.listed,
                last_seen=seen.last_seen.get(subject),
                reported=reported.get(subject),
            )
            for subject, several in authors.items()
        }

    async def _seen(self, conversation: str) -> _Seen:
        if self._presence is None:
            return _Seen(True, frozenset(), {})
        await self._presence.settled(conversation)
        here = self._presence.state(conversation, _ALL).presence
        left = [] if here.last_seen is UNSET else here.last_seen
        return _Seen(
            here.listed,
            frozenset(person.id for person in here.people if person.id is not None),
            {person.id: person.last_seen for person in left if person.id is not None},
        )

    async def _message(self, conversation: str, epoch: str, entry: Entry, answer: FoldedMessage) -> Message | None:
        if isinstance(entry, Message) and entry.seq == answer.seq:
            return entry
        page = await self._history.read(conversation, answer.seq - 1, 1)
        if page.head is None or page.head.epoch != epoch or not page.entries:
            return None
        message = page.entries[0]
        return message if isinstance(message, Message) else None

    def _event(
        self,
        conversation: str,
        epoch: str,
        message: Message,
        reader: Reader,
        state: ReaderState,
        messages: Sequence[FoldedMessage],
    ) -> Event:
        unread = unread_by(messages, self.roles, reader.subject, state.marker)
        since = min((one.at for one in unread), default=message.at)
        return unread_event(self._subscription, conversation, epoch, message, reader, since, len(unread))


__all__ = ["MESSAGES", "UnreadAnswers"]
