"""What a reader gets: a contiguous run of entries and the cursor to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.encoded_entry import EncodedEntry


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries after a cursor, in order, and where the log stood. `epoch` None: never made, so nothing yet."""

    epoch: str | None
    lines: list[EncodedEntry]
    cursor: Cursor
    head: int
    redaction: int
    stale_since: datetime | None = None
    """The history does not answer since then: these are from memory, and there may be more."""

    @property
    def has_more(self) -> bool:
        """Whether the log goes on past these."""
        return self.cursor.seq < self.head


NOTHING = Batch(epoch=None, lines=[], cursor=START, head=0, redaction=0)
"""What there is of a conversation that was never made."""

__all__ = ["NOTHING", "Batch"]
