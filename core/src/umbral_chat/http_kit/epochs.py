"""Tokens are bound to the log that they were made for."""

from __future__ import annotations

from umbral_chat.errors import ConversationDeleted
from umbral_chat.providers.auth import Principal


def check_epoch(principal: Principal, conversation: str, epoch: str | None) -> None:
    """Raises ConversationDeleted when `principal` is bound to another log than the one of `epoch`: the conversation
    that its token was for is gone, and what is there now is another one of the same name."""
    if principal.epoch is not None and principal.epoch != epoch:
        raise ConversationDeleted(conversation)


__all__ = ["check_epoch"]
