"""Drafts, as plugins use them through `Services.drafts`: messages that are being written, whole so far."""

from umbral_chat._core.conversations.draft_pieces import Piece, not_your_draft
from umbral_chat._core.conversations.drafts import (
    ENDED_KEPT,
    ENDED_LIMIT,
    PUBLISH_INTERVAL,
    SILENCE,
    Drafts,
    DraftView,
)
from umbral_chat.model.signals import Writer

__all__ = [
    "ENDED_KEPT",
    "ENDED_LIMIT",
    "PUBLISH_INTERVAL",
    "SILENCE",
    "DraftView",
    "Drafts",
    "Piece",
    "Writer",
    "not_your_draft",
]
