"""The call to a chat's webhook: what is sent. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import httpx
import msgspec
from umbral_chat.http_kit.outbound import signed_headers
from umbral_chat.model.entries import Message

from umbral_chat_n8n_bridge.answers.whole import SentRequest
from umbral_chat_n8n_bridge.chats import RESERVED, RUN_MARK, Chat
from umbral_chat_n8n_bridge.files.form import FILES
from umbral_chat_n8n_bridge.files.reference import LOST_MARK, reference_of, without_files
from umbral_chat_n8n_bridge.files.uploaded import UploadedFile
from umbral_chat_n8n_bridge.relay.turn_files import LoadedFiles


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


class CallContent(NamedTuple):
    """A body, and its media type."""

    body: bytes
    type: str


def call_content(
    chat: Chat, conversation: str, messages: Sequence[Message], asked: Message, run_id: str, loaded: LoadedFiles
) -> CallContent:
    """What is sent for `messages`, which `asked` is all of together, as n8n's own widget sends it: JSON, or a form
    where there are files. Its `metadata` has the run."""
    references = [found for one in messages if (found := reference_of(one.metadata)) is not None]
    given = without_files(asked.metadata, references)
    added = {
        RUN_MARK: run_id,
        "umbral_conversation": conversation,
        "umbral_seq": asked.seq,
        "umbral_message": asked.message_id,
        **({LOST_MARK: loaded.lost} if loaded.lost else {}),
    }
    fields: dict[str, Any] = {
        "action": "sendMessage",
        "sessionId": chat.session_of(conversation),
        "chatInput": asked.content,
        "metadata": {**{name: value for name, value in given.items() if not name.startswith(RESERVED)}, **added},
    }
    if not loaded.files:
        return CallContent(msgspec.json.encode(fields), "application/json")
    return form_of({**fields, "metadata": msgspec.json.encode(fields["metadata"])}, loaded.files)


def form_of(fields: dict[str, str | bytes], files: Sequence[UploadedFile]) -> CallContent:
    """A form (`multipart/form-data`), its boundary drawn at random: no file can have it in its data."""
    parts = [(FILES, (one.name, one.data, one.type)) for one in files]
    request = httpx.Request("POST", "http://n8n", data=fields, files=parts)
    return CallContent(request.read(), request.headers["content-type"])


def call_headers(chat: Chat, content: CallContent, run_id: str, now: datetime) -> dict[str, str]:
    """The headers. The signature's id stays the same for a run, so that a receiver recognizes a repeat."""
    headers = {"Content-Type": content.type, "Accept": "text/plain, application/json"}
    if chat.settings.authorization is not None:
        headers["Authorization"] = chat.settings.authorization.reveal()
    if chat.settings.signing_secret is not None:
        # A full stop separates the parts of what is signed.
        message_id = run_id.replace(".", "-")
        headers |= signed_headers(chat.settings.signing_secret, message_id, math.floor(now.timestamp()), content.body)
    return headers


__all__ = ["CallContent", "call_content", "call_headers", "form_of", "is_question", "sent_of"]
