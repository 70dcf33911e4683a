"""Which conversations this instance follows, passed on to every transport."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umbral_chat.providers.transport import Transport

log = logging.getLogger(__name__)


class Subscriptions:
    """What is watched now. A transport that is added later gets the watches that exist already."""

    def __init__(self) -> None:
        self._watched: set[str] = set()
        self._transports: list[Transport] = []
        self.on_watch: Callable[[str], None] | None = None
        """Called with each conversation that is newly followed. Must not raise."""

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._watched))

    def __len__(self) -> int:
        return len(self._watched)

    def serve(self, transports: Sequence[Transport]) -> None:
        """Pass every watch, the existing ones too, to these transports from now on."""
        for transport in transports:
            self._transports.append(transport)
            for conversation in self._watched:
                _apply(transport, transport.watch, conversation)

    def watch(self, conversation: str) -> None:
        """Watch it on every transport: its view is kept here from now on."""
        self._watched.add(conversation)
        if self.on_watch is not None:
            self.on_watch(conversation)
        for transport in self._transports:
            _apply(transport, transport.watch, conversation)

    def unwatch(self, conversation: str) -> None:
        """Stop watching it: its view is no longer kept here."""
        self._watched.discard(conversation)
        for transport in self._transports:
            _apply(transport, transport.unwatch, conversation)


def _apply(transport: Transport, call: Callable[[str], None], conversation: str) -> None:
    try:
        call(conversation)
    except Exception:
        # A reader must not fail because of it: reconciling finds what this transport then does not hint.
        log.exception("transport %s could not change its watch on %s", transport.name, conversation)


__all__ = ["Subscriptions"]
