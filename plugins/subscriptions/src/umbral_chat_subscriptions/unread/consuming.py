"""A subscription of unread answers as a consumer: each answer is looked at when it is as old as is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from umbral_chat.model.entries import Message

from umbral_chat_subscriptions.push import PushConsumer
from umbral_chat_subscriptions.selection import Selection

if TYPE_CHECKING:
    from umbral_chat.clock import Clock
    from umbral_chat.http_kit.outbound import OutboundClient
    from umbral_chat.model.entries import Entry
    from umbral_chat.providers.edges import LogEnd
    from umbral_chat.providers.history import History

    from umbral_chat_subscriptions.metrics import PushCounters
    from umbral_chat_subscriptions.records import PushEndpoint, Subscription
    from umbral_chat_subscriptions.unread.finding import UnreadAnswers


class UnreadSelection(Selection):
    """The abilities of a consumer of answers: `DefersEntries`, and those of `Selection`."""

    def __init__(self, subscription: Subscription, history: History, answers: UnreadAnswers) -> None:
        super().__init__(subscription, history)
        self._answers = answers
        self._after = timedelta(seconds=subscription.after or 0.0)

    def due(self, entry: Entry) -> datetime:
        """See `DefersEntries`."""
        return entry.at + self._after

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """See `SelectsEntries`: the newest answer alone, or the one whose report is not delivered yet."""
        answers = [
            one
            for one in entries
            if isinstance(one, Message) and one.sender.role in self._answers.roles and not one.imported
        ]
        answers = [one for one in answers if not one.redacted] or answers[-1:]
        if len(answers) > 1:
            pending = await self._answers.pending(conversation, [one.seq for one in answers])
            answers = [one for one in answers if one.seq == pending] or answers[-1:]
        return answers if not answers or await self.matches(conversation) else []


class UnreadPushConsumer(PushConsumer):
    """Sends the events of unread answers."""

    def __init__(
        self,
        subscription: Subscription,
        push: PushEndpoint,
        history: History,
        client: OutboundClient,
        clock: Clock,
        counters: PushCounters,
        end: Callable[[], Awaitable[None]],
        answers: UnreadAnswers,
    ) -> None:
        super().__init__(subscription, push, history, client, clock, counters, end)
        self._answers = answers
        self._selection = UnreadSelection(subscription, history, answers)

    def due(self, entry: Entry) -> datetime:
        """See `DefersEntries`."""
        return self._selection.due(entry)

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """See `SelectsEntries`."""
        return await self._selection.select(conversation, entries)

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """See `Consumer`."""
        for event in await self._answers.events(conversation, epoch, entry):
            await self.send(event)

    async def handle_end(self, conversation: str, end: LogEnd) -> None:  # noqa: ARG002 - the name is the protocol's
        """See `TakesEnds`: nothing is sent of it."""
        await self._answers.reports.forget(conversation)


__all__ = ["UnreadPushConsumer", "UnreadSelection"]
