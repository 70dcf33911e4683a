"""Readers of every edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.labs.kit.facts import Item, Shown, item_of
from tests.labs.kit.reader import Reader

from .run import Lab
from .schedule import edges
from .snapshots import Copy, SnapshotReading, unfolded

PAUSE = 0.2
"""Seconds between two polls."""


class SnapshotReader(Reader):
    """Replaces its copy by each snapshot that it is given. What a service answers from memory, while its history is
    away, is no snapshot: it goes on from there."""

    def __init__(
        self, run: Lab, number: int, conversation: str, pool: dict[Item, Item], *, pause: float | None = None
    ) -> None:
        super().__init__(run, number, conversation, pool, pause=pause)
        self.given = SnapshotReading(f"r{number}", conversation, run.instance(number))
        self._copy: tuple[Item, ...] = ()

    def _items(self, body: dict[str, Any]) -> list[Item]:
        if body.get("snapshot"):
            self._copy = ()
            found = [item_of(message) for message in map(unfolded, body["messages"])]
        else:
            found = super()._items(body)
        return found

    def _show(self, items: list[Item], shown: Shown) -> None:
        self._copy += tuple(self._pool.setdefault(item, item) for item in items if item.kind == "message")
        copy = Copy(shown.at, shown.mode, self._copy)
        self.highest = max(self.highest, copy.highest)
        if not self.given.copies or self.given.copies[-1].items != copy.items:
            self.given.copies.append(copy)


def readers(run: Lab, pool: dict[Item, Item]) -> Sequence[Reader]:
    """Those of every conversation; of each instance some poll, and some wait in their polls."""
    kind = SnapshotReader if run.schedule.snapshot else Reader
    made: list[Reader] = []
    for number, edge in enumerate(edges(run.schedule)):
        pause = PAUSE if edge == "poll" else None
        made += [kind(run, number, name, pool, pause=pause) for name in run.plan.names]
    run.facts.readings = [reader.reading for reader in made if not isinstance(reader, SnapshotReader)]
    run.snapshots = [reader.given for reader in made if isinstance(reader, SnapshotReader)]
    return made


__all__ = ["PAUSE", "SnapshotReader", "readers"]
