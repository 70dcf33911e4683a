"""What both kinds of consumers have in common: which entries they are about, and where they begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbral_chat.errors import ConversationDeleted

if TYPE_CHECKING:
    from typing import Literal

    from umbral_chat.model.entries import Entry
    from umbral_chat.providers.history import History

    from umbral_chat_subscriptions.records import Subscription


class Selection:
    """The abilities `BeginsAt`, `TakesImported`, `WantsConversations` and `SelectsEntries`, by a subscription."""

    def __init__(self, subscription: Subscription, history: History) -> None:
        self.name = subscription.consumer
        self.begins: Literal["now", "beginning"] = subscription.start
        self.imported = subscription.imported
        self._filter = subscription.filter
        self._history = history

    def wants(self, conversation: str) -> bool:
        """See `WantsConversations`."""
        return self._filter.wants_conversation(conversation)

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """See `SelectsEntries`. The metadata is that which the conversation has now."""
        selected = self._filter.select(entries)
        return selected if not selected or await self.matches(conversation) else []

    async def matches(self, conversation: str) -> bool:
        """Whether the conversation has the metadata of the filter now. Raises HistoryUnavailable."""
        if self._filter.metadata is None:
            return True
        try:
            found = await self._history.conversation(conversation)
        except ConversationDeleted:
            return True  # its entries are read again before they are passed, and are gone
        return found is not None and self._filter.matches_metadata(found.metadata)


__all__ = ["Selection"]
