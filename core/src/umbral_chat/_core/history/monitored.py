"""The history as the core uses it: every call is recorded in its health."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from umbral_chat._core.history.health import HistoryHealth
from umbral_chat.errors import HistoryUnavailable, InvalidRequest, RequestError
from umbral_chat.model.conversations import Conversation, Deleted, Head, InboxFilter, InboxPage, LogPage, MessagePage
from umbral_chat.model.entries import FoldedMessage, Status
from umbral_chat.model.writes import Appended, Write, WriteUpdate
from umbral_chat.providers.history import History, KnowsAuthors, KnowsReaders, OperatorInbox, TellsWhetherItWrites

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

    async def search(
        self, sought: InboxFilter, *, limit: int, before: str | None = None, subject: str | None = None
    ) -> InboxPage:
        """See `OperatorInbox.search`. A history without that ability is asked for the status alone; else InvalidRequest
        (`not_supported`) is raised."""
        if isinstance(self.wrapped, OperatorInbox):
            return await self._record(self.wrapped.search(sought, limit=limit, before=before, subject=subject))
        if not sought.status_alone:
            raise not_supported("search the inbox by more than the status")
        return await self.conversations(limit=limit, before=before, status=sought.status, subject=subject)

    async def take(self, write: WriteUpdate) -> Appended:
        """See `OperatorInbox.take`. Raises InvalidRequest (`not_supported`) for a history without that ability."""
        if isinstance(self.wrapped, OperatorInbox):
            return await self._record(self.wrapped.take(write))
        raise not_supported("have conversations taken over")

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

    async def read_markers(self, conversation: str, readers: Sequence[str]) -> dict[str, int]:
        """See `KnowsReaders`. Raises InvalidRequest (`not_supported`) for a history without that ability."""
        if isinstance(self.wrapped, KnowsReaders):
            return await self._record(self.wrapped.read_markers(conversation, readers))
        raise not_supported("say how far people have read")

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


def operator_inbox(history: History) -> OperatorInbox:
    """The history as one for operators. Raises InvalidRequest (`not_supported`) where it has not that ability."""
    if isinstance(history, OperatorInbox):
        return history
    raise not_supported("serve an inbox that operators share")


def not_supported(what: str) -> InvalidRequest:
    """The error for what needs an ability that the history does not have."""
    return InvalidRequest(f"The history of this installation cannot {what}.", code="not_supported")


__all__ = ["MonitoredHistory", "operator_inbox"]
