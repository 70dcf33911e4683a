"""Read receipts: how far those have read who let the others of a conversation see it."""

from __future__ import annotations

import msgspec

from umbral_chat.model.entries import Role


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A reader, as its own messages would show it, and the seq up to which it has read."""

    subject: str
    """The `id` of the sender of its messages."""
    role: Role
    name: str | None = None
    seq: int


__all__ = ["Receipt"]
