"""Drafts: the text so far of messages that are being written, as this instance knows them. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from umbral_chat._core.conversations.draft_pieces import Piece, draft_ended, gives_way, not_your_draft, put
from umbral_chat._core.conversations.draft_quota import DraftQuota, DraftUsage
from umbral_chat.clock import Clock
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, Writer

SILENCE = 30.0
"""Seconds without a sign of life after which a draft ends, unless set otherwise: longer than a model pauses between two
pieces, and short enough that no reader waits for an answer that was given up."""

PUBLISH_INTERVAL = 0.5
"""Seconds between two publications of one draft to other instances. A publication has the whole text so far."""

ENDED_LIMIT = 4096
"""Ended messages that are remembered, of all conversations, so that a late piece does not restart an ended draft."""

ENDED_KEPT = 2 * SILENCE
"""Seconds for which they are remembered; the log knows the older ones."""

LOST_AFTER = 2.5
"""Drafts of other instances are dropped after so many times the silence: by then whoever noticed has ended them, unless
the store does not answer. They are read again if they are still written."""

TOUCHES = 1024
"""Signs of life of drafts that are not held here which wait to be passed on."""


class DraftView(msgspec.Struct, frozen=True):
    """A draft as readers get it: always the whole text so far, so `offset` is 0."""

    message_id: str
    offset: int
    text: str
    sender: Sender


@dataclass(slots=True)
class Draft:
    """A draft as this instance knows it."""

    text: str
    sender: Sender
    writer: Writer | None
    """The author; None: unknown, on an instance of an older version, until a piece of the same sender arrives here."""
    touched: float
    """Monotonic time of its last sign of life."""
    fence: int = 0
    """Rises when another instance takes its pieces, or its text is cut. With the same fence a text only grows."""
    doubted: bool = False
    """A run that reserves this message was started since: its author may be another one."""
    held: bool = False
    """This instance takes its pieces. It may have lost the draft to another one without having noticed yet."""
    published: float = float("-inf")
    dirty: bool = False


class Drafts:
    """The drafts that this instance knows: those that it holds, whose producers send here, and those of others. It only
    calls the clock, `changed` (to notify readers here) and `publish` (to notify other instances)."""

    def __init__(
        self,
        clock: Clock,
        *,
        per_conversation: int,
        per_principal: int | None = None,
        total: int = 10_000,
        total_chars: int = 20_000_000,
        silence: float = SILENCE,
        changed: Callable[[str], None],
        publish: Callable[[DraftSignal], None],
    ) -> None:
        self._clock = clock
        self._quota = DraftQuota(
            per_conversation=per_conversation,
            per_visitor=per_conversation if per_principal is None else per_principal,
            total=total,
            total_chars=total_chars,
        )
        self.silence = silence
        self._changed = changed
        self._publish = publish
        self._drafts: dict[str, dict[str, Draft]] = {}
        self._usage = DraftUsage()
        self._ended: OrderedDict[tuple[str, str], float] = OrderedDict()
        self.touched_elsewhere: dict[tuple[str, str], None] = {}
        """Drafts that are not held here and of which there was a sign of life, which the keeper passes on."""

    def __bool__(self) -> bool:
        return self._usage.drafts > 0

    def __len__(self) -> int:
        return self._usage.drafts

    def of(self, conversation: str) -> list[DraftView]:
        """The drafts of a conversation, oldest first."""
        drafts = self._drafts.get(conversation, {})
        return [DraftView(message_id, 0, draft.text, draft.sender) for message_id, draft in drafts.items()]

    def get(self, conversation: str, message_id: str) -> Draft | None:
        """The draft of this message, if it is known."""
        return self._drafts.get(conversation, {}).get(message_id)

    def held(self) -> Iterator[tuple[str, str, Draft]]:
        """Every draft that this instance holds, with its conversation and message id."""
        for conversation, drafts in list(self._drafts.items()):
            for message_id, draft in list(drafts.items()):
                if draft.held:
                    yield conversation, message_id, draft

    def takes(self, piece: Piece) -> bool:
        """Whether `piece` needs no look into the store: its draft is held here, is its author's, and is not cut."""
        draft = self.get(piece.conversation, piece.message_id)
        return draft is not None and draft.held and draft.writer == piece.writer and not piece.replace

    def piece(self, piece: Piece, *, limit: int) -> int:
        """Add a piece to a draft that is held here; the length so far. Raises what `put` raises, and Unavailable
        (`drafts_full`)."""
        draft = self._drafts[piece.conversation][piece.message_id]
        text = put(draft.text, piece, limit=limit)
        grown = len(text) - len(draft.text)
        if grown:
            self._quota.check_grown(self._usage, grown)
        draft.touched, draft.dirty = self._clock.monotonic(), True
        # A repeated piece only shows that its producer is alive: this concerns other instances, not readers.
        if grown:
            self._set_text(draft, text)
            self._changed(piece.conversation)
        self._publish_if_due(piece.conversation, piece.message_id, draft)
        return len(text)

    def check_new(self, piece: Piece) -> None:
        """Raise what speaks against holding this draft from now on: Conflict (`draft_ended`), and what
        `DraftQuota.check_new` raises."""
        if (piece.conversation, piece.message_id) in self._ended:
            raise draft_ended()
        drafts = self._drafts.get(piece.conversation, {})
        known = drafts.get(piece.message_id)
        if known is None or known.writer != piece.writer:
            self._quota.check_new(drafts.values(), piece.writer, self._usage, len(piece.text))

    def hold(self, piece: Piece, text: str, *, fence: int) -> None:
        """Hold a draft from now on, with this text."""
        draft = self._put(piece.conversation, piece.message_id, text, piece.sender, piece.writer, fence)
        draft.held = draft.dirty = True
        self._publish_if_due(piece.conversation, piece.message_id, draft)

    def adopt(self, signal: DraftSignal) -> None:
        """Know a draft as the store has it: this instance does not hold it, or has lost it."""
        if (signal.conversation, signal.message_id) not in self._ended:
            self._put(
                signal.conversation, signal.message_id, signal.text, signal.sender, signal.writer, signal.fence
            ).held = False

    def check(self, conversation: str, message_id: str, *, author: str, sender: Sender, trusted: bool) -> bool:
        """Whether the draft of this message is known here. Raises Conflict (`not_your_draft`) when another author is
        writing it: sending it would keep that author from sending the message that ends the draft."""
        draft = self.get(conversation, message_id)
        if draft is None:
            return False
        writer = Writer.of(conversation, author, trusted=trusted)
        own = draft.writer == writer or (draft.writer is None and draft.sender == sender)
        if not own and not gives_way(draft.writer, writer):
            raise not_your_draft()
        return True

    def touch(self, conversation: str, message_id: str) -> None:
        """A sign of life of the draft of this message, other than a piece: progress of the run that writes it."""
        draft = self.get(conversation, message_id)
        if draft is not None:
            draft.touched = self._clock.monotonic()
            draft.dirty = draft.held
        if (draft is None or not draft.held) and len(self.touched_elsewhere) < TOUCHES:
            self.touched_elsewhere[conversation, message_id] = None

    def learn(self, signal: DraftSignal) -> None:
        """Apply the state of a draft that another instance published."""
        conversation, message_id = signal.conversation, signal.message_id
        if signal.ended:
            self.end(conversation, message_id, announce=False)
            return
        if (conversation, message_id) in self._ended:
            return
        drafts = self._drafts.get(conversation, {})
        draft = drafts.get(message_id)
        if draft is None:
            if self._quota.has_room(drafts.values(), signal.writer, self._usage):
                self._put(conversation, message_id, signal.text, signal.sender, signal.writer, signal.fence)
        elif signal.writer is not None and draft.writer not in {None, signal.writer}:
            # Begun at two instances before either was notified of the other.
            if gives_way(draft.writer, signal.writer):
                self.adopt(signal)
        elif signal.fence > draft.fence:
            self.adopt(signal)
        elif signal.fence == draft.fence and not draft.held and len(signal.text) >= len(draft.text):
            # Signals are cumulative: one with less text than is known is late.
            self.adopt(signal)

    def end(self, conversation: str, message_id: str, *, announce: bool = True) -> None:
        """End the draft of a message whose entry was appended, also when no piece of it has arrived yet.

        `announce`: also publish the end to other instances.
        """
        self._ended[conversation, message_id] = self._clock.monotonic()
        self._ended.move_to_end((conversation, message_id))
        if len(self._ended) > ENDED_LIMIT:
            self._ended.popitem(last=False)
        self.drop(conversation, message_id, announce=announce)

    def drop(self, conversation: str, message_id: str, *, announce: bool = True) -> None:
        """Forget a draft, whose message may still be written. `announce`: also publish that it is over."""
        draft = self._remove(conversation, message_id)
        # Instances that were notified of this draft see its end in the entry; the signal is for those that miss the
        # entry.
        if draft is not None and announce and draft.published > float("-inf"):
            self._publish(
                DraftSignal(conversation=conversation, message_id=message_id, text="", sender=draft.sender, ended=True)
            )

    def forget(self, conversation: str) -> None:
        """Drop the drafts of a deleted conversation, and which of its messages ended."""
        for key in [key for key in self._ended if key[0] == conversation]:
            del self._ended[key]
        for message_id in list(self._drafts.get(conversation, ())):
            self._remove(conversation, message_id)

    def sweep(self) -> None:
        """Publish the drafts that are due, and drop those of other instances that were lost. Called a few times a
        second."""
        now = self._clock.monotonic()
        for conversation, drafts in list(self._drafts.items()):
            for message_id, draft in list(drafts.items()):
                if not draft.held and now - draft.touched >= LOST_AFTER * self.silence:
                    self._remove(conversation, message_id)
                elif draft.dirty:
                    self._publish_if_due(conversation, message_id, draft)
        while self._ended and now - next(iter(self._ended.values())) >= ENDED_KEPT:
            self._ended.popitem(last=False)

    def _put(
        self, conversation: str, message_id: str, text: str, sender: Sender, writer: Writer | None, fence: int
    ) -> Draft:
        now = self._clock.monotonic()
        draft = self.get(conversation, message_id)
        if draft is None:
            draft = Draft("", sender, writer, now)
            self._drafts.setdefault(conversation, {})[message_id] = draft
            self._usage.drafts += 1
            changed = True
        else:
            changed = (draft.text, draft.sender) != (text, sender)
        draft.sender, draft.writer, draft.fence, draft.touched = sender, writer, fence, now
        self._set_text(draft, text)
        if changed:
            self._changed(conversation)
        return draft

    def _set_text(self, draft: Draft, text: str) -> None:
        self._usage.chars += len(text) - len(draft.text)
        draft.text = text

    def _publish_if_due(self, conversation: str, message_id: str, draft: Draft) -> None:
        now = self._clock.monotonic()
        if not draft.held or now - draft.published < PUBLISH_INTERVAL:
            return
        draft.published, draft.dirty = now, False
        self._publish(
            DraftSignal(
                conversation=conversation,
                message_id=message_id,
                text=draft.text,
                sender=draft.sender,
                writer=draft.writer,
                fence=draft.fence,
            )
        )

    def _remove(self, conversation: str, message_id: str) -> Draft | None:
        drafts = self._drafts.get(conversation)
        draft = drafts.pop(message_id, None) if drafts else None
        if draft is not None:
            self._usage.drafts -= 1
            self._usage.chars -= len(draft.text)
            self._changed(conversation)
        if drafts is not None and not drafts:
            del self._drafts[conversation]
        return draft


__all__ = ["ENDED_KEPT", "ENDED_LIMIT", "PUBLISH_INTERVAL", "SILENCE", "Draft", "DraftView", "Drafts"]
