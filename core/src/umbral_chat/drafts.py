"""Drafts, as plugins use them through `Services.drafts`: messages that are being written, whole so far."""

from umbral_chat._core.conversations.drafts import (
    ENDED_KEPT,
    ENDED_LIMIT,
    PUBLISH_INTERVAL,
    SILENCE,
    Drafts,
    DraftView,
    Writer,
    not_your_draft,
)

__all__ = [
    "ENDED_KEPT",
    "ENDED_LIMIT",
    "PUBLISH_INTERVAL",
    "SILENCE",
    "DraftView",
    "Drafts",
    "Writer",
    "not_your_draft",
]
