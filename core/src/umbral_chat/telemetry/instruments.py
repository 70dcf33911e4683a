"""The instruments: plain objects, cheap on hot paths, whose attributes are read when the metrics are collected."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable

from umbral_chat.telemetry.registry import OTHER, Metric

log = logging.getLogger(__name__)

Number = int | float
Reading = tuple[tuple[str, ...], Number]
"""The labels' values, in the order of their declaration, and the number."""


class Cell:
    """One series of a counter: `cell.value += 1`, on the event loop's thread. It must never decrease."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int = 1) -> None:
        """Add `amount`."""
        self.value += amount


class Counter:
    """A counter: callers look up the cell of their labels' values once and keep it."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._cells: dict[tuple[str, ...], Cell] = {}
        self._values: list[set[str]] = [set(label.values) for label in metric.labels]
        # Known series start at 0, so that a rate over them does not miss the first increment.
        for values in itertools.product(*(label.values for label in metric.labels)):
            self._cells[values] = Cell()

    def labels(self, *values: str) -> Cell:
        """The cell of these labels' values. Raises ValueError for an undeclared value of a closed label."""
        cell = self._cells.get(values)
        if cell is None:
            bounded = self._bounded(values)
            cell = self._cells.get(bounded)
            if cell is None:
                cell = self._cells[bounded] = Cell()
        return cell

    def _bounded(self, values: tuple[str, ...]) -> tuple[str, ...]:
        labels = self.metric.labels
        if len(values) != len(labels):
            names = ", ".join(label.name for label in labels) or "no labels"
            raise ValueError(f"{self.metric.name} has {names}; {len(values)} values were given.")
        bounded = []
        for label, seen, value in zip(labels, self._values, values, strict=True):
            if value not in seen:
                if not label.open:
                    known = ", ".join(label.values)
                    raise ValueError(f"{self.metric.name} knows no {label.name} {value!r}: {known}.")
                if len(seen) >= label.limit:
                    bounded.append(OTHER)
                    continue
                seen.add(value)
            bounded.append(value)
        return tuple(bounded)

    @property
    def total(self) -> int:
        """The sum over all series."""
        return sum(cell.value for cell in list(self._cells.values()))

    def read(self) -> list[Reading]:
        """The current value of every series."""
        return [(values, cell.value) for values, cell in list(self._cells.items())]


class Gauge:
    """A gauge: its readers are called at each collection, sometimes on another thread than the event loop's."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.readers: list[Callable[[], Iterable[Reading]]] = []
        self._failing = False

    def read(self) -> list[Reading]:
        """The values of all readers; a failing reader is skipped, and logged once."""
        found: list[Reading] = []
        for reader in self.readers:
            try:
                found += [self._checked(values, number) for values, number in reader()]
            except Exception:
                if not self._failing:
                    log.exception("A reader of the gauge %s fails", self.metric.name)
                self._failing = True
        return found

    def _checked(self, values: tuple[str, ...], number: Number) -> Reading:
        if len(values) != len(self.metric.labels):
            raise ValueError(f"{self.metric.name} has {len(self.metric.labels)} labels; {values!r} were given.")
        return values, number


class Histogram:
    """A histogram: `record` takes a value in its unit, on any thread."""

    __slots__ = ("metric", "record")

    def __init__(self, metric: Metric, record: Callable[[Number], None]) -> None:
        self.metric = metric
        self.record = record


def discard(_: Number) -> None:
    """Record nothing."""


__all__ = ["Cell", "Counter", "Gauge", "Histogram", "Number", "Reading", "discard"]
