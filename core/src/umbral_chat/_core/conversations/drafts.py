"""Drafts: the text so far of messages that are being written. Bounded; a draft ends with its entry, or when its
producer sends nothing for `SILENCE` seconds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from umbral_chat.clock import Clock
from umbral_chat.errors import Conflict, TooManyRequests
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, Writer

SILENCE = 30.0
"""Seconds without a piece after which a draft is dropped: longer than a model pauses between two pieces, and short
enough that no reader waits for a draft that was given up."""

PUBLISH_INTERVAL = 0.5
"""Seconds between two publications of one draft to other instances. A publication has the whole text so far."""

ENDED_LIMIT = 4096
"""Ended messages that are remembered, of all conversations, so that a late piece does not restart an ended draft."""

ENDED_KEPT = 2 * SILENCE
"""Seconds for which they are remembered: no piece is later than that."""


class DraftView(msgspec.Struct, frozen=True):
    """A draft as readers get it: always the whole text so far, so `offset` is 0."""

    message_id: str
    offset: int
    text: str
    sender: Sender


@dataclass(slots=True)
class _Draft:
    text: str
    sender: Sender
    writer: Writer | None
    """The author; None: unknown, on an instance of an older version, until a piece of the same sender arrives here."""
    touched: float
    published: float = float("-inf")
    dirty: bool = False


class Drafts:
    """The drafts of this instance. It only calls the clock, `changed` (to notify readers here) and `publish` (to notify
    other instances)."""

    def __init__(
        self,
        clock: Clock,
        *,
        per_conversation: int,
        per_principal: int | None = None,
        changed: Callable[[str], None],
        publish: Callable[[DraftSignal], None],
    ) -> None:
        self._clock = clock
        self._limit = per_conversation
        self._own_limit = per_conversation if per_principal is None else per_principal
        self._changed = changed
        self._publish = publish
        self._drafts: dict[str, dict[str, _Draft]] = {}
        self._ended: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._drafts)

    def __len__(self) -> int:
        return sum(len(drafts) for drafts in list(self._drafts.values()))  # also called from another thread

    def of(self, conversation: str) -> list[DraftView]:
        """The drafts of a conversation, oldest first."""
        drafts = self._drafts.get(conversation)
        if not drafts:
            return []
        return [DraftView(message_id, 0, draft.text, draft.sender) for message_id, draft in drafts.items()]

    def piece(
        self,
        conversation: str,
        message_id: str,
        *,
        offset: int,
        text: str,
        sender: Sender,
        subject: str,
        limit: int,
        trusted: bool = True,
    ) -> int:
        """Put `text` at `offset` (in Unicode code points) and return the length so far. `subject` is the caller's
        author, `trusted` whether it is a service key.

        A repeated piece changes nothing; one at an earlier offset replaces what followed. An id belongs to the author
        who began its draft, but a service key's piece replaces a visitor's draft. Raises Conflict (`draft_gap` with the
        `expected` offset; `draft_ended`; `draft_too_long`; `not_your_draft`) and TooManyRequests (`too_many_drafts`,
        `too_many_own_drafts`).
        """
        if (conversation, message_id) in self._ended:
            raise Conflict("This message was sent already: its draft has ended.", code="draft_ended")
        drafts = self._drafts.get(conversation, {})
        writer = Writer.of(conversation, subject, trusted=trusted)
        draft = drafts.get(message_id)
        if draft is not None and not _is_writer(draft, writer, sender):
            if not _yields_to(draft, writer):
                raise not_your_draft()
            draft = None
        known = draft.text if draft else ""
        if draft is None and message_id not in drafts:
            self._check_room(drafts, writer)
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
            draft = self._drafts.setdefault(conversation, {})[message_id] = _Draft("", sender, writer, now)
        # A repeated piece only shows that its producer is alive: this concerns other instances, not readers.
        repeated = bool(text) and known.startswith(text, offset)
        draft.text = known if repeated else known[:offset] + text
        draft.writer, draft.touched, draft.dirty = writer, now, True
        if not repeated:
            self._changed(conversation)
        self._publish_if_due(conversation, message_id, draft, now)
        return len(draft.text)

    def check(self, conversation: str, message_id: str, *, subject: str, sender: Sender, trusted: bool) -> None:
        """Raise Conflict (`not_your_draft`) when another author is writing the message with this id: sending it would
        keep that author from sending the message that ends the draft."""
        draft = self._drafts.get(conversation, {}).get(message_id)
        if draft is not None:
            writer = Writer.of(conversation, subject, trusted=trusted)
            if not _is_writer(draft, writer, sender) and not _yields_to(draft, writer):
                raise not_your_draft()

    def has(self, conversation: str, message_id: str) -> bool:
        """Whether a message with this id is being written."""
        return message_id in self._drafts.get(conversation, {})

    def learn(self, signal: DraftSignal) -> None:
        """Apply the state of a draft that another instance published."""
        conversation, message_id = signal.conversation, signal.message_id
        if signal.ended:
            self.end(conversation, message_id, tell=False)
            return
        if (conversation, message_id) in self._ended:
            return
        drafts = self._drafts.get(conversation, {})
        draft, now = drafts.get(message_id), self._clock.monotonic()
        if draft is not None and signal.writer is not None and draft.writer not in {None, signal.writer}:
            # Begun at two instances before either was notified of the other.
            if not _yields_to(draft, signal.writer):
                return
            draft = None
        if draft is None:
            if message_id in drafts or self._has_room(drafts, signal.writer):
                draft = _Draft(signal.text, signal.sender, signal.writer, now)
                self._drafts.setdefault(conversation, {})[message_id] = draft
                self._changed(conversation)
        elif not draft.dirty and not draft.text.startswith(signal.text):
            # Signals are cumulative: one with less text than is known is late.
            draft.text, draft.touched = signal.text, now
            self._changed(conversation)
        elif draft.text == signal.text:
            draft.touched = now

    def end(self, conversation: str, message_id: str, *, tell: bool = True) -> None:
        """End the draft of a message whose entry was appended, also when no piece of it has arrived yet.

        `tell`: also publish the end to other instances.
        """
        self._ended[conversation, message_id] = self._clock.monotonic()
        self._ended.move_to_end((conversation, message_id))
        if len(self._ended) > ENDED_LIMIT:
            self._ended.popitem(last=False)
        draft = self._remove(conversation, message_id)
        if draft is None:
            return
        self._changed(conversation)
        # Instances that were notified of this draft see its end in the entry; the signal is for those that miss the
        # entry.
        if tell and draft.published > float("-inf"):
            self._publish(
                DraftSignal(conversation=conversation, message_id=message_id, text="", sender=draft.sender, ended=True)
            )

    def forget(self, conversation: str) -> None:
        """Drop the drafts of a deleted conversation, and which of its messages ended."""
        for key in [key for key in self._ended if key[0] == conversation]:
            del self._ended[key]
        if self._drafts.pop(conversation, None):
            self._changed(conversation)

    def sweep(self) -> None:
        """Drop drafts that are past `SILENCE`, and publish those that are due. Called a few times a second."""
        now = self._clock.monotonic()
        for conversation, drafts in list(self._drafts.items()):
            for message_id, draft in list(drafts.items()):
                if now - draft.touched >= SILENCE:
                    self._remove(conversation, message_id)
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
            DraftSignal(
                conversation=conversation,
                message_id=message_id,
                text=draft.text,
                sender=draft.sender,
                writer=draft.writer,
            )
        )

    def _has_room(self, drafts: dict[str, _Draft], writer: Writer | None) -> bool:
        """Whether another draft fits. Visitors and users share as many places as service keys have: neither uses the
        other's."""
        trusted = writer is None or writer.trusted
        return sum(_is_trusted(draft) == trusted for draft in drafts.values()) < self._limit

    def _check_room(self, drafts: dict[str, _Draft], writer: Writer) -> None:
        retry = {"Retry-After": str(round(SILENCE))}
        if not writer.trusted and sum(draft.writer == writer for draft in drafts.values()) >= self._own_limit:
            raise TooManyRequests(
                f"You are already writing {self._own_limit} messages here, and may not write more at once "
                "(core.limits.drafts_per_principal). Send one of them.",
                code="too_many_own_drafts",
                limit=self._own_limit,
                headers=retry,
            )
        if not self._has_room(drafts, writer):
            raise TooManyRequests(
                f"A conversation holds at most {self._limit} drafts (core.limits.drafts).",
                code="too_many_drafts",
                limit=self._limit,
                headers=retry,
            )

    def _remove(self, conversation: str, message_id: str) -> _Draft | None:
        drafts = self._drafts.get(conversation)
        draft = drafts.pop(message_id, None) if drafts else None
        if drafts is not None and not drafts:
            del self._drafts[conversation]
        return draft


def _is_writer(draft: _Draft, writer: Writer, sender: Sender) -> bool:
    # A load balancer may spread a producer's pieces: it continues here what it began at another instance.
    return draft.writer == writer or (draft.writer is None and draft.sender == sender)


def _yields_to(draft: _Draft, writer: Writer) -> bool:
    """Whether `writer` may replace another author's draft: a visitor must not make a service's answer fail."""
    return writer.trusted and not _is_trusted(draft)


def _is_trusted(draft: _Draft) -> bool:
    return draft.writer is None or draft.writer.trusted


def not_your_draft() -> Conflict:
    """The error for sending or drafting a message with an id that another author is writing."""
    return Conflict(
        "Another author is writing the message with this id. Choose another message_id, or leave it out.",
        code="not_your_draft",
        field="message_id",
    )


__all__ = [
    "ENDED_KEPT",
    "ENDED_LIMIT",
    "PUBLISH_INTERVAL",
    "SILENCE",
    "DraftView",
    "Drafts",
    "Writer",
    "not_your_draft",
]
