"""The bus: changes of logs that this process made, for its own parts. It is no transport and never fails over."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from umbral_chat.model.encoded_entry import EncodedEntry


class LogChange(NamedTuple):
    """Entries were appended by this process, or (no entries) the conversation was deleted."""

    conversation: str
    epoch: str
    entries: list[EncodedEntry]
    author: str = ""
    """Who wrote the first of them (`Principal.author`)."""

    @property
    def deleted(self) -> bool:
        """Whether the conversation is gone."""
        return not self.entries


class Bus:
    """Synchronous and in order: a listener must neither wait nor raise."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[LogChange], None]] = []

    def subscribe(self, listener: Callable[[LogChange], None]) -> None:
        """Call `listener` with every change from now on."""
        self._listeners.append(listener)

    def publish(self, change: LogChange) -> None:
        """Call every listener."""
        for listener in self._listeners:
            listener(change)


__all__ = ["Bus", "LogChange"]
