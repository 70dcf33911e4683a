"""What requests do with drafts that outlive this process: pieces, which may belong to a draft of another instance, and
messages that end drafts. The way of a draft is described in docs/explanation/drafts.md."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from umbral_chat._core.conversations.draft_pieces import Piece, draft_ended, gives_way, not_your_draft, put
from umbral_chat._core.conversations.draft_reaper import DraftReaper
from umbral_chat._core.conversations.draft_reconciler import DraftReconciler
from umbral_chat._core.conversations.draft_records import KeptDraft, record_key
from umbral_chat._core.conversations.draft_store import DraftStore, LoadedDraft
from umbral_chat._core.conversations.drafts import Drafts
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, HistoryUnavailable, StoreError, Unavailable
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import Writer
from umbral_chat.model.writes import WriteMessage
from umbral_chat.providers.history import History
from umbral_chat.providers.store import SharedStore

log = logging.getLogger(__name__)

TRIES = 4
"""Times that a piece tries to take a draft over while other instances write it."""


class DraftKeeper:
    """Drafts as requests use them. An instance that gets a piece of a draft that it does not hold takes it over."""

    def __init__(
        self,
        drafts: Drafts,
        store: SharedStore,
        history: History,
        clock: Clock,
        *,
        limit: int,
        append: Callable[[WriteMessage], Awaitable[object]],
        reserved_by: Callable[[str, str], Awaitable[Writer | None]],
        followed: Callable[[], Iterable[str]] = tuple,
        counted: Callable[[], None] = lambda: None,
    ) -> None:
        """`limit`: most characters of a draft. `append` appends the message of an interrupted one, and `counted` counts
        those. `reserved_by`: the author for whom a run reserves a message id. `followed`: the conversations that are
        followed here."""
        self._drafts, self._history, self._clock, self._limit = drafts, history, clock, limit
        self._reserved_by = reserved_by
        self._store = DraftStore(store)
        self.instance = secrets.token_hex(8)
        """Names this instance in the store; another one after a restart."""
        reaper = DraftReaper(
            drafts,
            self._store,
            clock,
            instance=self.instance,
            append=append,
            reserved_by=reserved_by,
            counted=counted,
        )
        self.reconciler = DraftReconciler(drafts, self._store, reaper, clock, instance=self.instance, followed=followed)
        self._turns: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    async def piece(self, piece: Piece) -> int:
        """Add a piece to a draft, which this instance takes over first if it does not hold it; the length so far.

        Raises Conflict (`draft_offset`, `draft_ended`, `draft_too_long`, `not_your_draft`), TooManyRequests,
        Unavailable, ConversationDeleted.
        """
        key = record_key(piece.conversation, piece.message_id)
        if self._drafts.takes(piece):
            await self._check_doubted(piece)
            await self.reconciler.held.confirm(key)
        if not self._drafts.takes(piece):
            async with self._turn(key):
                if not self._drafts.takes(piece):
                    return await self._take(key, piece)
        length = self._drafts.piece(piece, limit=self._limit)
        self.reconciler.held.added(key, len(piece.text.encode()))
        return length

    async def check_send(
        self, conversation: str, message_id: str, *, author: str, sender: Sender, trusted: bool
    ) -> bool:
        """Whether there is a draft that a message with this id ends. Raises Conflict (`not_your_draft`), also where the
        run of another author reserves the id."""
        writer = Writer.of(conversation, author, trusted=trusted)
        key = record_key(conversation, message_id)
        try:
            reserved = await self._reserved_by(conversation, message_id)
            if reserved not in {None, writer}:
                raise not_your_draft()
            if reserved is None and self._drafts.check(
                conversation, message_id, author=author, sender=sender, trusted=trusted
            ):
                return True
            found = await self._store.load(key)
        except (HistoryUnavailable, StoreError):
            return self._drafts.check(conversation, message_id, author=author, sender=sender, trusted=trusted)
        if found is not None and reserved is None and not _may_replace(found.kept.writer, writer):
            raise not_your_draft()
        return found is not None

    def doubt(self, conversation: str, message_id: str) -> None:
        """A run that reserves this message was started: whether it is that of the draft's author is to be found out."""
        draft = self._drafts.get(conversation, message_id)
        if draft is not None:
            draft.doubted = True

    async def check_reservable(self, conversation: str, message_id: str, writer: Writer) -> None:
        """Raise Conflict (`not_your_draft`) where a run of this author may not reserve this message id, since another
        one drafts it. Raises HistoryUnavailable, and Unavailable (`draft_contended`)."""
        try:
            found = await self._store.load(record_key(conversation, message_id))
        except StoreError as error:
            raise _contended() from error
        if found is not None and not _may_replace(found.kept.writer, writer):
            raise not_your_draft()

    def written(self, conversation: str, message_id: str) -> None:
        """The message of a draft was appended: what the store keeps of the draft is removed soon."""
        self.reconciler.over(record_key(conversation, message_id))

    async def erase(self, conversation: str, message_id: str | None = None) -> None:
        """Remove what the store keeps of a message's draft, or of all of a conversation, before the message is redacted
        or the conversation deleted. Raises HistoryUnavailable."""
        if message_id is None:
            await self._store.remove_all(conversation)
        else:
            await self._store.remove(record_key(conversation, message_id), long=True)

    async def _take(self, key: str, piece: Piece) -> int:
        """Hold the draft from now on, if the piece fits; the length so far."""
        self._drafts.check_new(piece)
        for _ in range(TRIES):
            found, head = await self._look(key, piece)
            reserved = await self._reserved_by(piece.conversation, piece.message_id)
            if reserved not in {None, piece.writer}:
                raise not_your_draft()
            own = found if found is not None and found.kept.writer == piece.writer else None
            # For whom a run reserves the id takes it from whoever began to write at the same moment.
            if found is not None and reserved is None and not _may_replace(found.kept.writer, piece.writer):
                raise not_your_draft()
            text = put("" if own is None else self._known(own, piece), piece, limit=self._limit)
            kept = KeptDraft(
                conversation=piece.conversation,
                message_id=piece.message_id,
                author=piece.author,
                writer=piece.writer,
                sender=piece.sender,
                epoch=None if head is None else head.epoch,
                holder=self.instance,
                # By the clock, so that it rises for a draft that is begun anew after it left no trace.
                fence=max(int(self._clock.now().timestamp() * 1e3), 0 if found is None else found.kept.fence + 1),
                parts=[] if own is None else own.kept.parts,
            )
            # In this order: what is in the index without a mark of life is ended, what is not in it is never found.
            await self._store.mark_alive(key, self.instance, self._drafts.silence + self.reconciler.held.lag)
            if found is None:
                await self._store.list_draft(key)
            same = 0 if own is None else min(len(own.text), piece.offset)
            saved = await self._store.save(kept, text, expect=0 if found is None else found.version, same=same)
            if saved is not None:
                self._drafts.hold(piece, text, fence=kept.fence)
                self.reconciler.held.hold(key, saved)
                return len(text)
        raise _contended()

    async def _look(self, key: str, piece: Piece) -> tuple[LoadedDraft | None, Head | None]:
        """The draft in the store and the head of the log, if the message is not in the log yet."""
        try:
            found, message, heads = await asyncio.gather(
                self._store.load(key),
                self._history.message(piece.conversation, piece.message_id),
                self._history.heads([piece.conversation]),
            )
        except StoreError as error:
            raise _contended() from error
        head = heads.get(piece.conversation)
        if isinstance(head, Deleted):
            raise ConversationDeleted(piece.conversation)
        if message is not None or (found is not None and found.kept.ending):
            raise draft_ended()
        return found, head

    async def _check_doubted(self, piece: Piece) -> None:
        """Find out whether a run that was started since reserves the message of a draft that is held here. While the
        store does not answer it does not."""
        draft = self._drafts.get(piece.conversation, piece.message_id)
        if draft is None or not draft.doubted:
            return
        try:
            reserved = await self._reserved_by(piece.conversation, piece.message_id)
        except HistoryUnavailable as error:
            log.debug("Whether a message id is reserved was not found out: %s", error)
            return
        if reserved not in {None, piece.writer}:
            raise not_your_draft()
        draft.doubted = False

    def _known(self, found: LoadedDraft, piece: Piece) -> str:
        """The text so far: that of the store, or what was added here or learned since."""
        draft = self._drafts.get(piece.conversation, piece.message_id)
        if draft is not None and draft.fence == found.kept.fence and draft.text.startswith(found.text):
            return draft.text
        return found.text

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        """One at a time for each draft, in the order of arrival."""
        lock, users = self._turns.setdefault(key, (asyncio.Lock(), []))
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                del self._turns[key]


def _may_replace(owner: Writer, writer: Writer) -> bool:
    """Whether the draft of `owner` is that of `writer`, or gives way to it."""
    return owner == writer or gives_way(owner, writer)


def _contended() -> Unavailable:
    return Unavailable("Other instances take pieces of this draft at the same time.", code="draft_contended")


__all__ = ["TRIES", "DraftKeeper"]
