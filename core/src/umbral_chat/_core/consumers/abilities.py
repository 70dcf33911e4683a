"""What a consumer can do beyond handling entries, found once when it is started."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from umbral_chat.model.entries import Entry
from umbral_chat.providers.consumers import ClaimConsumer
from umbral_chat.providers.edges import (
    BeginsAt,
    BoundsTries,
    Consumer,
    DefersEntries,
    LogEnd,
    SelectsEntries,
    TakesEnds,
    TakesImported,
    WantsConversations,
)


@dataclass(frozen=True, slots=True)
class Abilities:
    """The optional abilities of one consumer."""

    imported: bool
    wants: Callable[[str], bool]
    select: Callable[[str, Sequence[Entry]], Awaitable[Sequence[Entry]]] | None
    handle_end: Callable[[str, LogEnd], Awaitable[None]] | None
    due: Callable[[Entry], datetime] | None
    begins: Literal["now", "beginning"]
    tries: int

    @classmethod
    def of(cls, consumer: Consumer | ClaimConsumer, *, tries: int) -> Abilities:
        """Those of `consumer`, with `tries` where it has no bound of its own."""
        return cls(
            imported=isinstance(consumer, TakesImported) and consumer.imported,
            wants=consumer.wants if isinstance(consumer, WantsConversations) else _every,
            select=consumer.select if isinstance(consumer, SelectsEntries) else None,
            handle_end=consumer.handle_end if isinstance(consumer, TakesEnds) else None,
            due=consumer.due if isinstance(consumer, DefersEntries) else None,
            begins=consumer.begins if isinstance(consumer, BeginsAt) else "beginning",
            tries=max(1, consumer.tries) if isinstance(consumer, BoundsTries) else tries,
        )

    async def selected(self, conversation: str, entries: Sequence[Entry]) -> list[Entry]:
        """Those of `entries` that are to be passed to the consumer."""
        taken = entries if self.imported else [entry for entry in entries if not entry.imported]
        if not taken or self.select is None:
            return list(taken)
        chosen = {entry.seq for entry in await self.select(conversation, taken)}
        return [entry for entry in taken if entry.seq in chosen]


def _every(_: str) -> bool:
    return True


__all__ = ["Abilities"]
