"""The cursor: the position of a reader in a log. Opaque to clients; it is `epoch.seq`."""

from __future__ import annotations

from typing import NamedTuple

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.ids import is_epoch

SEQ_LIMIT = 2**53 - 1
"""Highest seq: the greatest integer that a JavaScript number represents exactly."""


class Cursor(NamedTuple):
    """A position in a log: all entries up to and including `seq` were read, in the log of this `epoch`.

    The beginning has no epoch and seq 0, so it is valid in every log of the conversation.
    """

    epoch: str | None = None
    seq: int = 0

    def __str__(self) -> str:
        return "0" if self.epoch is None else f"{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str | None, *, field: str = "after") -> Cursor:
        """Read a cursor as a client sends it back; none, empty or `0` is the beginning.

        Raises InvalidRequest (`invalid_cursor`) for anything else, also for a bare number: without its epoch a
        number would be silently wrong in a log that was made anew.
        """
        if not text or text == "0":
            return START
        epoch, dot, seq = text.partition(".")
        if dot and is_epoch(epoch) and seq.isascii() and seq.isdigit() and len(seq) <= 16:
            number = int(seq)
            if number <= SEQ_LIMIT:
                return cls(epoch, number)
        raise InvalidRequest(
            f"{field} is not a cursor. Send back a `cursor` exactly as it was given, or 0 for the beginning; "
            "a bare number is refused.",
            code="invalid_cursor",
            field=field,
        )


START = Cursor()
"""The beginning of any log."""

__all__ = ["SEQ_LIMIT", "START", "Cursor"]
