"""An entry with its JSON, encoded once for every reader, feed and answer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from umbral_chat.model.entries import Edit, Entry, Message, Redaction, Sender, Update, entry_encoder

KINDS: dict[type[Entry], str] = {kind: str(kind.__struct_config__.tag) for kind in (Message, Edit, Redaction, Update)}
"""The `kind` of each; looked up, since this is asked for every entry."""


class EncodedEntry(NamedTuple):
    """One entry as every edge sends it."""

    seq: int
    kind: str
    json: bytes
    sender: Sender
    message_id: str | None
    at: datetime | None = None
    """When it became durable; of an imported one, when it was written first."""
    imported: bool = False

    @classmethod
    def of(cls, entry: Entry, json: bytes | None = None) -> EncodedEntry:
        """Encode `entry`, unless `json` is what `entry_encoder` made of it already."""
        message_id = None if isinstance(entry, Update) else entry.message_id
        return cls(
            entry.seq,
            KINDS[type(entry)],
            entry_encoder.encode(entry) if json is None else json,
            entry.sender,
            message_id,
            entry.at,
            entry.imported,
        )

    @property
    def ends_draft(self) -> bool:
        """Whether a draft of the same message id is over: the message is written, or it is withdrawn."""
        return self.kind in _ENDING

    @property
    def ends_typing(self) -> bool:
        """Whether somebody said something, and so types it no more. What is imported was said long ago."""
        return self.kind == _MESSAGE and not self.imported


_MESSAGE = KINDS[Message]
_ENDING = {KINDS[Message], KINDS[Redaction]}

__all__ = ["EncodedEntry"]
