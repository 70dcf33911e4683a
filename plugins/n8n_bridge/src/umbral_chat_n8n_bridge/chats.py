"""A chat: which conversations are its own, and who speaks in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.entries import Sender
from umbral_chat.model.ids import decode_id, encode_id
from umbral_chat.providers.auth import Principal

from umbral_chat_n8n_bridge.settings import BridgeSettings, ChatSettings, prefix_of

ASSISTANT = Sender(role="assistant")
"""Who answers, as readers see it."""

RUN_MARK = "umbral_run"
"""Member of a message's metadata that names the run whose message it is."""

RESERVED = "umbral_"
"""Members of metadata that begin so are the service's own, and are not taken from visitors."""


@dataclass(frozen=True)
class Chat:
    """One chat of the settings."""

    name: str
    settings: ChatSettings

    @cached_property
    def prefix(self) -> str:
        """What the ids of its conversations begin with."""
        return prefix_of(self.name, self.settings)

    @cached_property
    def principal(self) -> Principal:
        """Who writes the answers."""
        return Principal(
            kind="key",
            subject=f"n8n:{self.name}",
            rights=frozenset({"read", "send", "send_as", "moderate", "manage"}),
            role="assistant",
        )

    @cached_property
    def workflow_authors(self) -> tuple[str, ...]:
        """Who writes for its workflows."""
        return tuple(f"key:{name}" for name in self.settings.n8n_keys)

    def owns(self, conversation: str) -> bool:
        """Whether a conversation belongs to it."""
        return conversation.startswith(self.prefix) and len(conversation) > len(self.prefix)

    def session_of(self, conversation: str) -> str:
        """The session that n8n knows a conversation by: what `conversation_of` made the id of."""
        try:
            return decode_id(conversation).removeprefix(self.prefix)
        except InvalidRequest:  # the id of another producer
            return conversation.removeprefix(self.prefix)

    def conversation_of(self, session: str) -> str:
        """The conversation of a session of the widget. Raises InvalidRequest for one that is empty or too long."""
        return encode_id(self.prefix + session if session else "")

    def visitor(self, conversation: str) -> Principal:
        """Who speaks in a session: nobody else has that author, and only in that conversation."""
        return Principal(
            kind="token",
            subject=conversation,
            rights=frozenset({"read", "send"}),
            conversation=conversation,
            role="user",
        )


def chats_of(settings: BridgeSettings) -> dict[str, Chat]:
    """The chats of the settings by name."""
    return {name: Chat(name, chat) for name, chat in settings.chats.items()}


__all__ = ["ASSISTANT", "RESERVED", "RUN_MARK", "Chat", "chats_of"]
