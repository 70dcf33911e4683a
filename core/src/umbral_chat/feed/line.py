"""A line: an entry, encoded once for all who read it."""

from __future__ import annotations

from typing import NamedTuple

from umbral_chat.model.entries import Entry, Message, Redaction, Role, entry_encoder


class Line(NamedTuple):
    """One entry as every edge sends it."""

    seq: int
    kind: str
    json: bytes
    role: Role
    message_id: str | None

    @classmethod
    def of(cls, entry: Entry) -> Line:
        """Encode `entry`."""
        kind = type(entry).__struct_config__.tag
        message_id = getattr(entry, "message_id", None)
        return cls(entry.seq, str(kind), entry_encoder.encode(entry), entry.sender.role, message_id)

    @property
    def ends_draft(self) -> bool:
        """Whether a draft of the same message id is over: the message is written, or it is withdrawn."""
        return self.kind in _ENDING


_ENDING = {str(Message.__struct_config__.tag), str(Redaction.__struct_config__.tag)}

__all__ = ["Line"]
