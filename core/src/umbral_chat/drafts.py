"""Drafts: messages that are being written, whole so far, bounded, and gone when their entry comes or their producer
falls silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from umbral_chat.clock import Clock
from umbral_chat.errors import Conflict, TooManyRequests
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal

SILENCE = 30.0
"""Seconds after which a draft whose producer says nothing more is dropped (design.md, Words)."""

PUBLISH_INTERVAL = 0.5
"""Seconds between two publications of one draft to other instances: cumulative, at most twice a second."""

ENDED_LIMIT = 64
"""Ended message ids remembered of a conversation, so that a late piece does not bring a finished draft back."""


class DraftView(msgspec.Struct, frozen=True):
    """A draft as a reader gets it: always whole, so `offset` is 0."""

    message_id: str
    offset: int
    text: str
    sender: Sender


@dataclass(slots=True)
class _Draft:
    text: str
    sender: Sender
    subject: str
    touched: float
    published: float = float("-inf")
    dirty: bool = False


class Drafts:
    """Pure but for the clock and what it is told to call: `changed` for readers here, `publish` for other instances."""

    def __init__(
        self,
        clock: Clock,
        *,
        per_conversation: int,
        changed: Callable[[str], None],
        publish: Callable[[DraftSignal], None],
    ) -> None:
        self._clock = clock
        self._limit = per_conversation
        self._changed = changed
        self._publish = publish
        self._drafts: dict[str, dict[str, _Draft]] = {}
        self._ended: dict[str, dict[str, float]] = {}

    def __len__(self) -> int:
        return sum(len(drafts) for drafts in self._drafts.values())

    def of(self, conversation: str) -> list[DraftView]:
        """The drafts of a conversation, oldest first."""
        drafts = self._drafts.get(conversation)
        if not drafts:
            return []
        return [DraftView(message_id, 0, draft.text, draft.sender) for message_id, draft in drafts.items()]

    def piece(
        self, conversation: str, message_id: str, *, offset: int, text: str, sender: Sender, subject: str, limit: int
    ) -> int:
        """Put `text` at `offset` (in Unicode code points) and return the length so far.

        A repeated piece changes nothing; one from before the end replaces what followed. Raises Conflict
        (`draft_gap` with the `expected` offset; `draft_ended`; `draft_too_long`; `not_your_draft`) and
        TooManyRequests (`too_many_drafts`).
        """
        if message_id in self._ended.get(conversation, ()):
            raise Conflict("This message is written already: its draft has ended.", code="draft_ended")
        drafts = self._drafts.get(conversation, {})
        draft = drafts.get(message_id)
        known = draft.text if draft else ""
        if draft is not None and draft.subject != subject:
            raise Conflict("Somebody else writes this draft.", code="not_your_draft", field="message_id")
        if draft is None and len(drafts) >= self._limit:
            raise TooManyRequests(
                f"A conversation holds at most {self._limit} drafts.", code="too_many_drafts", limit=self._limit
            )
        if offset > len(known):
            raise Conflict(
                f"The draft has {len(known)} characters so far: send from there on.",
                code="draft_gap",
                field="offset",
                extra={"expected": len(known)},
            )
        if offset + len(text) > limit:
            raise Conflict(
                f"A message has at most {limit} characters.", code="draft_too_long", field="text", limit=limit
            )
        if draft is None or not known.startswith(text, offset):
            known = known[:offset] + text
        now = self._clock.monotonic()
        if draft is None:
            draft = self._drafts.setdefault(conversation, {})[message_id] = _Draft(known, sender, subject, now)
        draft.text, draft.touched, draft.dirty = known, now, True
        self._changed(conversation)
        self._publish_if_due(conversation, message_id, draft, now)
        return len(known)

    def learn(self, signal: DraftSignal) -> None:
        """Another instance says how far a draft is."""
        if signal.ended:
            self.end(signal.conversation, signal.message_id, tell=False)
        elif signal.message_id not in self._ended.get(signal.conversation, ()):
            drafts = self._drafts.setdefault(signal.conversation, {})
            if signal.message_id in drafts or len(drafts) < self._limit:
                now = self._clock.monotonic()
                draft = drafts.setdefault(signal.message_id, _Draft("", signal.sender, "", now))
                if not draft.dirty:
                    draft.text, draft.touched = signal.text, now
                    self._changed(signal.conversation)
            if not drafts:
                del self._drafts[signal.conversation]

    def end(self, conversation: str, message_id: str, *, tell: bool = True) -> None:
        """The entry of this message came, so its draft is over."""
        now = self._clock.monotonic()
        draft = self._take(conversation, message_id)
        if draft is None:
            return
        ended = self._ended.setdefault(conversation, {})
        ended[message_id] = now
        while len(ended) > ENDED_LIMIT:
            del ended[next(iter(ended))]
        self._changed(conversation)
        # Whoever learnt of this draft from here learns its end from the entry; the signal only helps who misses it.
        if tell and draft.published > float("-inf"):
            self._publish(
                DraftSignal(conversation=conversation, message_id=message_id, text="", sender=draft.sender, ended=True)
            )

    def forget(self, conversation: str) -> None:
        """The conversation was deleted."""
        self._ended.pop(conversation, None)
        if self._drafts.pop(conversation, None):
            self._changed(conversation)

    def sweep(self) -> None:
        """Drop the silent, publish what is due. To be called a few times a second while there are drafts."""
        now = self._clock.monotonic()
        for conversation, drafts in list(self._drafts.items()):
            for message_id, draft in list(drafts.items()):
                if now - draft.touched >= SILENCE:
                    self._take(conversation, message_id)
                    self._changed(conversation)
                elif draft.dirty:
                    self._publish_if_due(conversation, message_id, draft, now)
        for conversation, ended in list(self._ended.items()):
            self._ended[conversation] = kept = {key: at for key, at in ended.items() if now - at < 2 * SILENCE}
            if not kept:
                del self._ended[conversation]

    def _publish_if_due(self, conversation: str, message_id: str, draft: _Draft, now: float) -> None:
        if now - draft.published < PUBLISH_INTERVAL:
            return
        draft.published, draft.dirty = now, False
        self._publish(
            DraftSignal(conversation=conversation, message_id=message_id, text=draft.text, sender=draft.sender)
        )

    def _take(self, conversation: str, message_id: str) -> _Draft | None:
        drafts = self._drafts.get(conversation)
        draft = drafts.pop(message_id, None) if drafts else None
        if drafts is not None and not drafts:
            del self._drafts[conversation]
        return draft


__all__ = ["ENDED_LIMIT", "PUBLISH_INTERVAL", "SILENCE", "DraftView", "Drafts"]
