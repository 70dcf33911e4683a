"""Which conversations this instance follows, passed on to every transport."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umbral_chat.providers.transport import Transport

log = logging.getLogger(__name__)


class Subscriptions:
    """What is watched now. A transport that is added later is told what is watched already."""

    def __init__(self) -> None:
        self._watched: set[str] = set()
        self._transports: list[Transport] = []

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._watched))

    def __len__(self) -> int:
        return len(self._watched)

    def serve(self, transports: Sequence[Transport]) -> None:
        """Tell these from now on."""
        for transport in transports:
            self._transports.append(transport)
            for conversation in self._watched:
                _tell(transport, transport.watch, conversation)

    def watch(self, conversation: str) -> None:
        """Somebody here follows it."""
        self._watched.add(conversation)
        for transport in self._transports:
            _tell(transport, transport.watch, conversation)

    def unwatch(self, conversation: str) -> None:
        """Nobody here follows it any more."""
        self._watched.discard(conversation)
        for transport in self._transports:
            _tell(transport, transport.unwatch, conversation)


def _tell(transport: Transport, call: Callable[[str], None], conversation: str) -> None:
    try:
        call(conversation)
    except Exception:
        # A reader must not fail because of it: reconciling finds what this transport then does not hint.
        log.exception("transport %s could not be told of %s", transport.name, conversation)


__all__ = ["Subscriptions"]
