"""Pieces of a draft, the authors who send them, and what a piece makes of the text so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from umbral_chat.errors import Conflict
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import Writer


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that a producer adds to the draft of a message."""

    conversation: str
    message_id: str
    offset: int
    """Where it begins, in Unicode code points."""
    text: str
    """Empty: a sign of life."""
    sender: Sender
    author: str
    """The caller's author (`Principal.author`)."""
    trusted: bool
    """Whether the caller is a service key."""
    replace: bool = False
    """Replace what follows `offset`."""

    @property
    def writer(self) -> Writer:
        """The author, as instances exchange it."""
        return Writer.of(self.conversation, self.author, trusted=self.trusted)


def put(known: str, piece: Piece, *, limit: int) -> str:
    """The text after `piece` was put into `known`; `known` itself, if the piece repeats what is there.

    A piece begins where the text ends. Two kinds begin earlier: an exact repeat, which changes nothing (a producer
    whose answer was lost sends again), and one with `replace`, which takes the place of everything from its offset on.
    Any other offset is a mistake of the producer, or another producer's: accepted, it would mix two texts.

    Raises Conflict: `draft_offset` with the `expected` offset, `draft_too_long`.
    """
    if not piece.replace and known.startswith(piece.text, piece.offset):
        return known
    if piece.offset != len(known) and not (piece.replace and piece.offset < len(known)):
        raise Conflict(
            f"The draft has {len(known)} characters so far: go on from there, or with `replace` from before.",
            code="draft_offset",
            field="offset",
            extra={"expected": len(known)},
        )
    if piece.offset + len(piece.text) > limit:
        raise Conflict(f"A message has at most {limit} characters.", code="draft_too_long", field="text", limit=limit)
    return known[: piece.offset] + piece.text


def gives_way(owner: Writer | None, writer: Writer) -> bool:
    """Whether `writer` may replace the draft of another author: a visitor must not make a service's answer fail."""
    return writer.trusted and owner is not None and not owner.trusted


def draft_ended() -> Conflict:
    """The error for a piece of a message that is in the log."""
    return Conflict("The message with this id is written: its draft has ended.", code="draft_ended", field="message_id")


def not_your_draft() -> Conflict:
    """The error for sending or drafting a message with an id that another author is writing."""
    return Conflict(
        "Another author is writing the message with this id. Choose another message_id, or leave it out.",
        code="not_your_draft",
        field="message_id",
    )


__all__ = ["Piece", "draft_ended", "gives_way", "not_your_draft", "put"]
