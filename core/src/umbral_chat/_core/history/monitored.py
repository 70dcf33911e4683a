"""The history as the core uses it: every call is recorded in its health."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from umbral_chat._core.history.health import HistoryHealth
from umbral_chat.errors import HistoryUnavailable, RequestError
from umbral_chat.model.conversations import Conversation, Deleted, Head, InboxPage, LogPage, MessagePage
from umbral_chat.model.entries import FoldedMessage, Status
from umbral_chat.model.writes import Appended, Write
from umbral_chat.providers.history import History, KnowsAuthors, TellsWhetherItWrites

T = TypeVar("T")


class MonitoredHistory:
    """Passes every call to `history`, and records in `health` whether it was answered."""

    def __init__(self, history: History, health: HistoryHealth) -> None:
        self.name = history.name
        self.wrapped = history
        self.health = health

    async def append(self, write: Write) -> Appended:
        return await self._record(self.wrapped.append(write))

    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        return await self._record(self.wrapped.read(conversation, after, limit))

    async def messages(
        self, conversation: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> MessagePage:
        return await self._record(self.wrapped.messages(conversation, after=after, before=before, limit=limit))

    async def message(self, conversation: str, message_id: str) -> FoldedMessage | None:
        return await self._record(self.wrapped.message(conversation, message_id))

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        return await self._record(self.wrapped.heads(conversations))

    async def ensure(self, conversation: str) -> tuple[Conversation, bool]:
        return await self._record(self.wrapped.ensure(conversation))

    async def conversation(self, conversation: str, *, subject: str | None = None) -> Conversation | None:
        return await self._record(self.wrapped.conversation(conversation, subject=subject))

    async def conversations(
        self, *, limit: int, before: str | None = None, status: Status | None = None, subject: str | None = None
    ) -> InboxPage:
        return await self._record(
            self.wrapped.conversations(limit=limit, before=before, status=status, subject=subject)
        )

    async def delete(self, conversation: str) -> bool:
        return await self._record(self.wrapped.delete(conversation))

    async def mark_read(self, conversation: str, subject: str, seq: int) -> int:
        return await self._record(self.wrapped.mark_read(conversation, subject, seq))

    async def refuses_writes(self) -> str | None:
        """Why sends are refused now; None: they are accepted, or this history cannot tell."""
        return await self.wrapped.refuses_writes() if isinstance(self.wrapped, TellsWhetherItWrites) else None

    async def written_by(self, conversation: str, seq: int, authors: Sequence[str]) -> bool | None:
        """See `KnowsAuthors`; None also where this history cannot tell."""
        if not isinstance(self.wrapped, KnowsAuthors):
            return None
        return await self._record(self.wrapped.written_by(conversation, seq, authors))

    async def _record(self, call: Awaitable[T]) -> T:
        asked = self.health.outages
        try:
            answer = await call
        except HistoryUnavailable as error:
            self.health.failed(str(error))
            raise
        except RequestError:
            # A refusal is an answer.
            self.health.answered(asked)
            raise
        self.health.answered(asked)
        return answer


__all__ = ["MonitoredHistory"]
