"""The bus: what happened in this process, told to its own parts. It is no transport and never fails over."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from umbral_chat.model.encoded_entry import EncodedEntry


class Happened(NamedTuple):
    """Entries were appended by this process, or (no lines) the conversation was deleted."""

    conversation: str
    epoch: str
    lines: list[EncodedEntry]
    author: str = ""
    """Who wrote the first of them (`Principal.author`)."""

    @property
    def deleted(self) -> bool:
        """Whether the conversation is gone."""
        return not self.lines


class Bus:
    """Synchronous and in order: a listener must neither wait nor raise."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Happened], None]] = []

    def subscribe(self, listener: Callable[[Happened], None]) -> None:
        """Tell `listener` from now on."""
        self._listeners.append(listener)

    def publish(self, happened: Happened) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener(happened)


__all__ = ["Bus", "Happened"]
