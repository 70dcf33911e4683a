"""The newest messages of a conversation as a prompt takes them: as many as fit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from umbral_chat.model.attachments import in_words
from umbral_chat.model.entries import FoldedMessage, Role

PromptFormat = Literal["openai", "langchain"]

CHARACTERS_A_TOKEN = 4
"""ASCII characters of one token, as OpenAI's rule of thumb has it for English."""

TOKENS_A_MESSAGE = 4
"""What the roles and separators around each message take in OpenAI's chat format."""

_OPENAI: dict[Role, str] = {"user": "user", "assistant": "assistant", "agent": "assistant", "system": "system"}
_LANGCHAIN: dict[Role, str] = {"user": "human", "assistant": "ai", "agent": "ai", "system": "system"}


def estimated_tokens(text: str) -> int:
    """How many tokens a message with this text takes, about: one for four ASCII characters, one for each other
    character, and four for the message. Tokenizers differ; for most texts of most of them this is too much rather than
    too little."""
    ascii_characters = sum(character.isascii() for character in text)
    return TOKENS_A_MESSAGE + -(-ascii_characters // CHARACTERS_A_TOKEN) + len(text) - ascii_characters


def text_of(message: FoldedMessage) -> str:
    """The message as one text: its content, or its attachments in words. Empty: it is in no prompt, as a redacted
    one."""
    return "" if message.redacted else message.content or in_words(message.metadata)


class PromptWindow:
    """Takes messages from the newest to the oldest, until `messages` or `tokens` (None: no bound) are reached."""

    def __init__(self, *, messages: int, tokens: int | None) -> None:
        self._most, self._left = messages, tokens
        self._taken: list[FoldedMessage] = []
        self.tokens = 0
        """Estimated tokens of what was taken."""
        self.full = False
        """A message did not fit: neither does any that is older."""

    def take(self, messages: Iterable[FoldedMessage]) -> None:
        """Take those that fit, the newest first. None is cut: where the newest does not fit, there is none."""
        for message in messages:
            text = text_of(message)
            if not text:
                continue
            needed = estimated_tokens(text)
            self.full = self.full or len(self._taken) >= self._most
            self.full = self.full or (self._left is not None and self.tokens + needed > self._left)
            if self.full:
                return
            self._taken.append(message)
            self.tokens += needed

    def prompt(self, form: PromptFormat) -> list[dict[str, Any]]:
        """What was taken, the oldest first."""
        write = _FORMS[form]
        return [write(message) for message in reversed(self._taken)]


def _openai(message: FoldedMessage) -> dict[str, Any]:
    return {"role": _OPENAI[message.sender.role], "content": text_of(message)}


def _langchain(message: FoldedMessage) -> dict[str, Any]:
    return {"type": _LANGCHAIN[message.sender.role], "content": text_of(message)}


_FORMS: dict[PromptFormat, Callable[[FoldedMessage], dict[str, Any]]] = {"openai": _openai, "langchain": _langchain}

__all__ = [
    "CHARACTERS_A_TOKEN",
    "TOKENS_A_MESSAGE",
    "PromptFormat",
    "PromptWindow",
    "estimated_tokens",
    "text_of",
]
