"""Repeated requests: which message a request repeats, and the key under which two that come together are one."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.model.cursor import Cursor

from umbral_chat_n8n_bridge.files.reference import reference_of
from umbral_chat_n8n_bridge.relay.ledger import Ledger, RunRecord

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.model.conversations import Head

    from umbral_chat_n8n_bridge.chats import Chat

NEWEST = 50
"""Messages among which the user's last one is looked for."""


class RepeatedMessage(NamedTuple):
    """What is known of a message before it is written: the one that it repeats, or the key to write it with."""

    of: Cursor | None
    key: str


async def find_repeat(services: Services, chat: Chat, conversation: str, text: str) -> RepeatedMessage:
    """Whether `text` repeats the user's last message, to which the answer is under way; one that has files has another
    one's text by chance. Raises HistoryUnavailable and ConversationDeleted."""
    page = await services.storage.history.messages(conversation, limit=NEWEST)
    last = next((one for one in reversed(page.messages) if one.sender.role == "user"), None)
    seq = 0 if last is None else last.seq
    same = last is not None and last.content == text and not last.redacted and reference_of(last.metadata) is None
    if last is not None and page.head is not None and same:
        age = services.base.clock.now() - last.at
        if age < timedelta(seconds=chat.settings.timeout) and await _goes_on(services, conversation, page.head, seq):
            return RepeatedMessage(Cursor(page.head.epoch, seq), "")
    # Of two that come together, neither sees the other: they have the same key.
    return RepeatedMessage(None, f"n8n.{seq}.{blake2b(text.encode(), digest_size=12).hexdigest()}")


async def _goes_on(services: Services, conversation: str, head: Head, seq: int) -> bool:
    return await ended(Ledger(services.storage.store), conversation, head.epoch, seq) is None


async def ended(ledger: Ledger, conversation: str, epoch: str, seq: int) -> RunRecord | None:
    """The record that says how the answer to the message ended: its own, or that of the one whose run answers both.
    None: it has not ended. Raises HistoryUnavailable."""
    record, _ = await ledger.load(conversation, epoch, seq)
    if record is not None and record.state == "joined":
        record, _ = await ledger.load(conversation, epoch, record.leader)
        if record is None or record.through < seq:
            return None
    return record if record is not None and record.state == "over" else None


__all__ = ["NEWEST", "RepeatedMessage", "ended", "find_repeat"]
