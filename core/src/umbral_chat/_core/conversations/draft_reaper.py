"""Ends drafts whose producers were silent: in the log, as `interrupted`, once, by whichever instance notices.

Two things make it once. Compare-and-set on the draft's record decides who ends it, and that no piece comes after; and
the log takes a message id once, so that an instance which died in between, or came late, appends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Literal

import msgspec

from umbral_chat._core.conversations.draft_records import KeptDraft
from umbral_chat._core.conversations.draft_store import DraftStore, LoadedDraft, has_parts
from umbral_chat._core.conversations.drafts import Draft, Drafts
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, InvalidRequest, RequestError, StoreError, Unavailable
from umbral_chat.model.signals import Writer
from umbral_chat.model.writes import WriteMessage

Outcome = Literal["over", "alive", "absent"]
"""What became of a draft that looked silent: it is over, it shows life, or the store does not have it."""

log = logging.getLogger(__name__)


class DraftReaper:
    """Ends one draft at a time. Raises HistoryUnavailable, after which the next look at the index tries again."""

    def __init__(
        self,
        drafts: Drafts,
        store: DraftStore,
        clock: Clock,
        *,
        instance: str,
        append: Callable[[WriteMessage], Awaitable[object]],
        reserved_by: Callable[[str, str], Awaitable[Writer | None]],
        counted: Callable[[], None],
    ) -> None:
        self._drafts, self._store, self._clock, self._instance = drafts, store, clock, instance
        self._append, self._reserved_by, self._counted = append, reserved_by, counted

    async def end_if_silent(self, key: str) -> Outcome:
        """End the draft under this key, unless there was a sign of life of it."""
        try:
            found = await self._store.load(key)
        except StoreError as error:  # of a newer version
            log.warning("%s", error)
            return "alive"
        if found is None:
            # Listed, and never written or removed already.
            await self._store.remove(key, long=False)
            return "absent"
        kept = found.kept
        draft = self._drafts.get(kept.conversation, kept.message_id)
        if await self._is_alive(kept, draft):
            return "alive"
        if draft is not None:
            # From now on a piece goes by the store, where either it or this end is first.
            draft.held = False
        text = _longest(found, draft)
        reserved = await self._reserved_by(kept.conversation, kept.message_id)
        if reserved not in {None, kept.writer}:
            # It was begun before the run that is going to leave the message: its text must not take the answer's place.
            await self._store.remove(key, long=True)
            self._drafts.drop(kept.conversation, kept.message_id, announce=False)
            return "over"
        if not text:
            await self._store.remove(key, long=False)
            self._drafts.drop(kept.conversation, kept.message_id)
            return "over"
        if not kept.ending:
            ending = msgspec.structs.replace(kept, ending=True, holder=self._instance)
            claimed = await self._store.save(ending, text, expect=found.version, same=len(found.text))
            if claimed is None:
                return "alive"
        else:
            text = found.text
        await self._write(kept, text)
        self._drafts.end(kept.conversation, kept.message_id)
        await self._store.remove(key, long=has_parts(text))
        return "over"

    async def _is_alive(self, kept: KeptDraft, draft: Draft | None) -> bool:
        now, held = self._clock.monotonic(), draft is not None and draft.held
        if draft is not None and held and now - draft.touched < self._drafts.silence:
            # The store lost the mark, or it is late.
            await self._store.mark_alive(kept.key, self._instance, self._drafts.silence)
            return True
        by = await self._store.alive_by(kept.key)
        # If it is held here, what counts is a sign of life at another instance, such as progress of the run.
        return by is not None and not (held and by == self._instance)

    async def _write(self, kept: KeptDraft, text: str) -> None:
        """Append what there is as an interrupted message, unless its author sent it meanwhile."""
        write = WriteMessage(
            conversation=kept.conversation,
            subject=kept.author,
            sender=kept.sender,
            epoch=kept.epoch,
            key=f"interrupted-{blake2b(kept.key.encode(), digest_size=16).hexdigest()}",
            content=text,
            message_id=kept.message_id,
            finish="interrupted",
        )
        try:
            await self._append(write)
        except Unavailable:
            raise
        except ConversationDeleted:
            return
        except InvalidRequest:
            log.exception("An interrupted message could not be appended, and is dropped.")
        except RequestError as error:
            # `message_id_taken`, `idempotency_conflict`: it has ended already, by its author or another instance.
            log.debug("An interrupted message was in the log already: %s", error.code)
        else:
            self._counted()


def _longest(found: LoadedDraft, draft: Draft | None) -> str:
    """The text in the store, or what this instance was notified of since."""
    if draft is not None and draft.fence == found.kept.fence and draft.text.startswith(found.text):
        return draft.text
    return found.text


__all__ = ["DraftReaper", "Outcome"]
