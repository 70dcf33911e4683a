"""Drafts: messages that are being written, whole so far, bounded, and gone when their entry comes or their producer
falls silent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from umbral_chat.clock import Clock
from umbral_chat.errors import Conflict, TooManyRequests
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal

SILENCE = 30.0
"""Seconds after which a draft whose producer says nothing more is dropped: longer than a model thinks between two
pieces, and short enough that nobody waits for one that will not go on."""

PUBLISH_INTERVAL = 0.5
"""Seconds between two publications of one draft to other instances: cumulative, at most twice a second."""

ENDED_LIMIT = 4096
"""Ended messages remembered, of all conversations, so that a late piece does not bring a finished draft back."""

ENDED_KEPT = 2 * SILENCE
"""Seconds for which they are: what comes later than the longest-lived draft is no late piece."""


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
    subject: str | None
    """Who writes it; None: somebody on another instance, until a piece of the same sender comes here."""
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
        self._ended: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._drafts)

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
        if (conversation, message_id) in self._ended:
            raise Conflict("This message is written already: its draft has ended.", code="draft_ended")
        drafts = self._drafts.get(conversation, {})
        draft = drafts.get(message_id)
        known = draft.text if draft else ""
        if draft is not None and not _writes(draft, subject, sender):
            raise Conflict("Somebody else writes this draft.", code="not_your_draft", field="message_id")
        if draft is None and len(drafts) >= self._limit:
            raise TooManyRequests(
                f"A conversation holds at most {self._limit} drafts.",
                code="too_many_drafts",
                limit=self._limit,
                headers={"Retry-After": str(round(SILENCE))},
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
        now = self._clock.monotonic()
        if draft is None:
            draft = self._drafts.setdefault(conversation, {})[message_id] = _Draft("", sender, subject, now)
        # A repeated piece says no more than that its producer is there: news to other instances, not to readers.
        repeated = bool(text) and known.startswith(text, offset)
        draft.text = known if repeated else known[:offset] + text
        draft.subject, draft.touched, draft.dirty = subject, now, True
        if not repeated:
            self._changed(conversation)
        self._publish_if_due(conversation, message_id, draft, now)
        return len(draft.text)

    def learn(self, signal: DraftSignal) -> None:
        """Another instance says how far a draft is."""
        conversation, message_id = signal.conversation, signal.message_id
        if signal.ended:
            self.end(conversation, message_id, tell=False)
            return
        if (conversation, message_id) in self._ended:
            return
        drafts = self._drafts.get(conversation, {})
        draft, now = drafts.get(message_id), self._clock.monotonic()
        if draft is None:
            if len(drafts) < self._limit:
                draft = _Draft(signal.text, signal.sender, None, now)
                self._drafts.setdefault(conversation, {})[message_id] = draft
                self._changed(conversation)
        elif not draft.dirty and not draft.text.startswith(signal.text):
            # Cumulative, so one that says less than what is known is a late one.
            draft.text, draft.touched = signal.text, now
            self._changed(conversation)
        elif draft.text == signal.text:
            draft.touched = now

    def end(self, conversation: str, message_id: str, *, tell: bool = True) -> None:
        """The entry of this message came, so its draft is over: also one that is yet to be heard of."""
        self._ended[conversation, message_id] = self._clock.monotonic()
        self._ended.move_to_end((conversation, message_id))
        if len(self._ended) > ENDED_LIMIT:
            self._ended.popitem(last=False)
        draft = self._take(conversation, message_id)
        if draft is None:
            return
        self._changed(conversation)
        # Whoever learnt of this draft from here learns its end from the entry; the signal only helps who misses it.
        if tell and draft.published > float("-inf"):
            self._publish(
                DraftSignal(conversation=conversation, message_id=message_id, text="", sender=draft.sender, ended=True)
            )

    def forget(self, conversation: str) -> None:
        """The conversation was deleted."""
        for key in [key for key in self._ended if key[0] == conversation]:
            del self._ended[key]
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
        while self._ended and now - next(iter(self._ended.values())) >= ENDED_KEPT:
            self._ended.popitem(last=False)

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


def _writes(draft: _Draft, subject: str, sender: Sender) -> bool:
    # A producer whose pieces a load balancer spreads goes on here with what it began elsewhere.
    return draft.subject == subject or (draft.subject is None and draft.sender == sender)


__all__ = ["ENDED_KEPT", "ENDED_LIMIT", "PUBLISH_INTERVAL", "SILENCE", "DraftView", "Drafts"]
