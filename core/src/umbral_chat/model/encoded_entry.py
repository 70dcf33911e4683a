"""An entry with its JSON, encoded once for every reader, feed and answer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from umbral_chat.model.entries import Edit, Entry, Message, Redaction, Run, Sender, Update, entry_encoder

KINDS: dict[type[Entry], str] = {
    kind: str(kind.__struct_config__.tag) for kind in (Message, Edit, Redaction, Update, Run)
}
"""The `kind` of each Struct, looked up here because it is needed for every entry."""


class EncodedEntry(NamedTuple):
    """One entry with its JSON, as every edge sends it."""

    seq: int
    kind: str
    json: bytes
    sender: Sender
    message_id: str | None
    at: datetime | None = None
    """When it became durable; for an imported entry, when it was first written."""
    imported: bool = False

    @classmethod
    def of(cls, entry: Entry, json: bytes | None = None) -> EncodedEntry:
        """Encode `entry`, unless `json` is what `entry_encoder` made of it already."""
        message_id = None if isinstance(entry, Update | Run) else entry.message_id
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
        """Whether it ends a draft with the same message id: it is the message, or its redaction."""
        return self.kind in _ENDING

    @property
    def ends_typing(self) -> bool:
        """Whether it is a new message, which ends its sender's typing. An imported message was written long ago."""
        return self.kind == _MESSAGE and not self.imported

    @property
    def ends_run(self) -> bool:
        """Whether it is the end of a run. An imported one is of a run of long ago."""
        return self.kind == _RUN and not self.imported

    @property
    def run_id(self) -> str:
        """The run of an entry that ends one. Read from its JSON: such an entry is rare."""
        return _run_ids.decode(self.json).run_id


class _RunId(msgspec.Struct):
    run_id: str = ""


_run_ids = msgspec.json.Decoder(_RunId)
_RUN = KINDS[Run]
_MESSAGE = KINDS[Message]
_ENDING = {KINDS[Message], KINDS[Redaction]}

__all__ = ["EncodedEntry"]
