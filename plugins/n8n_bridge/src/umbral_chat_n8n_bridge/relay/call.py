"""The call to a chat's webhook: what is sent. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgspec
from umbral_chat.http_kit.outbound import signed_headers
from umbral_chat.model.entries import Message

from umbral_chat_n8n_bridge.answers.whole import SentRequest
from umbral_chat_n8n_bridge.chats import RESERVED, RUN_MARK, Chat


def is_question(entry: object, chat: Chat) -> bool:
    """Whether an entry is passed to the workflow: a user's message that no workflow of the chat wrote, as far as the
    entry shows it."""
    return (
        isinstance(entry, Message)
        and entry.sender.role == "user"
        and not entry.redacted
        and not entry.imported
        and RUN_MARK not in (entry.metadata or {})
        and entry.sender.id not in chat.settings.n8n_keys
    )


def sent_of(chat: Chat, conversation: str, message: Message) -> SentRequest:
    """What of the request an answer may repeat."""
    return SentRequest(chat.session_of(conversation), message.content)


def call_body(chat: Chat, conversation: str, message: Message, run_id: str) -> bytes:
    """The body, as n8n's own widget sends it, with the run in its `metadata`."""
    given = {name: value for name, value in (message.metadata or {}).items() if not name.startswith(RESERVED)}
    body: dict[str, Any] = {
        "action": "sendMessage",
        "sessionId": chat.session_of(conversation),
        "chatInput": message.content,
        "metadata": {
            **given,
            RUN_MARK: run_id,
            "umbral_conversation": conversation,
            "umbral_seq": message.seq,
            "umbral_message": message.message_id,
        },
    }
    return msgspec.json.encode(body)


def call_headers(chat: Chat, body: bytes, run_id: str, now: datetime) -> dict[str, str]:
    """The headers. The signature's id stays the same for a run, so that a receiver recognizes a repeat."""
    headers = {"Content-Type": "application/json", "Accept": "text/plain, application/json"}
    if chat.settings.authorization is not None:
        headers["Authorization"] = chat.settings.authorization.reveal()
    if chat.settings.signing_secret is not None:
        # A full stop separates the parts of what is signed.
        message_id = run_id.replace(".", "-")
        headers |= signed_headers(chat.settings.signing_secret, message_id, math.floor(now.timestamp()), body)
    return headers


__all__ = ["call_body", "call_headers", "is_question", "sent_of"]
