"""The signals of a conversation as a stream sends them: what changed against what was sent before. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from umbral_chat.drafts import DraftView
from umbral_chat.model.entries import Sender
from umbral_chat.model.receipts import Receipt
from umbral_chat.providers.presence import PersonTyping, PresenceList


class DraftPiece(msgspec.Struct, frozen=True, tag_field="signal", tag="draft"):
    """Put `text` at `offset` (in Unicode code points) of what is known of the message, and cut what followed. Offset 0
    begins anew."""

    message_id: str
    offset: int
    text: str
    sender: Sender


class DraftEnded(msgspec.Struct, frozen=True, tag_field="signal", tag="draft"):
    """The draft is over: its entry follows or came before, or it was given up."""

    message_id: str
    ended: bool = True


class TypingList(msgspec.Struct, frozen=True, tag_field="signal", tag="typing"):
    """Everyone who types now."""

    typing: Sequence[PersonTyping]


class PresenceNow(msgspec.Struct, frozen=True, tag_field="signal", tag="presence"):
    """Who is in the conversation now."""

    presence: PresenceList


class RunList(msgspec.Struct, frozen=True, tag_field="signal", tag="runs"):
    """The runs that have not ended."""

    runs: Sequence[Any]


class ReaderList(msgspec.Struct, frozen=True, tag_field="signal", tag="readers"):
    """How far those have read who let others see it."""

    readers: Sequence[Receipt]


class DraftProgress:
    """The drafts of a conversation as its subscribers know them."""

    __slots__ = ("_sent",)

    def __init__(self) -> None:
        self._sent: dict[str, DraftView] = {}

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._sent

    @property
    def known(self) -> frozenset[str]:
        """The messages whose drafts were sent and have not ended."""
        return frozenset(self._sent)

    def advance(self, drafts: Sequence[DraftView]) -> Iterator[DraftPiece | DraftEnded]:
        """What brings who has what was sent to `drafts`, which from now on counts as sent."""
        sent, self._sent = self._sent, {draft.message_id: draft for draft in drafts}
        for message_id in sent:
            if message_id not in self._sent:
                yield DraftEnded(message_id)
        for draft in drafts:
            if (piece := _piece(sent.get(draft.message_id), draft)) is not None:
                yield piece

    def whole(self, known: Collection[str] = ()) -> Iterator[DraftPiece | DraftEnded]:
        """What brings a subscriber that has something, or nothing, of the drafts `known` to what was sent."""
        for message_id in known:
            if message_id not in self._sent:
                yield DraftEnded(message_id)
        for draft in self._sent.values():
            yield DraftPiece(draft.message_id, 0, draft.text, draft.sender)


def _piece(sent: DraftView | None, draft: DraftView) -> DraftPiece | None:
    if sent is None or sent.sender != draft.sender:
        return DraftPiece(draft.message_id, 0, draft.text, draft.sender)
    if sent.text == draft.text:
        return None
    kept = _common(sent.text, draft.text)
    return DraftPiece(draft.message_id, kept, draft.text[kept:], draft.sender)


def _common(one: str, other: str) -> int:
    """The number of first characters that two texts share, by halving: each step compares memory at once."""
    if other.startswith(one):
        return len(one)  # almost always a draft only grew
    kept, most = 0, min(len(one), len(other))
    while kept < most:
        middle = (kept + most + 1) // 2
        if one[kept:middle] == other[kept:middle]:
            kept = middle
        else:
            most = middle - 1
    return kept


class Rate:
    """At most one in `interval` seconds: when the next one is due."""

    __slots__ = ("_last", "interval")

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._last = float("-inf")

    def due(self, now: float) -> float:
        """The moment from which the next one may be, at the earliest now."""
        return max(now, self._last + self.interval)

    def take(self, now: float) -> bool:
        """Whether one may be now; it then counts as done."""
        if now < self._last + self.interval:
            return False
        self._last = now
        return True


__all__ = ["DraftEnded", "DraftPiece", "DraftProgress", "PresenceNow", "Rate", "ReaderList", "RunList", "TypingList"]
