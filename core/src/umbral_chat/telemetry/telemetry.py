"""The metrics of one app."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from umbral_chat._core.settings import sections
from umbral_chat._core.settings.suggestions import suggestion
from umbral_chat.telemetry.instruments import Counter, Gauge, Histogram, Reading, discard
from umbral_chat.telemetry.otel_environment import read_otel_environment
from umbral_chat.telemetry.registry import METRICS, Kind, Metric

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from umbral_chat.telemetry.export import Export

T = TypeVar("T")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the classic text format, which is always written, whatever the latest one of prometheus_client is."""

OFF = b"# Metrics are off: telemetry.metrics is false, or OTEL_SDK_DISABLED is true.\n"


class Telemetry:
    """The instruments of the declared metrics.

    A counter's cell is a plain object, so counting increments an attribute whether metrics are on or off. When they are
    off, the cells are not exported, and OpenTelemetry is not imported.
    """

    def __init__(self, export: Export | None, metrics: Iterable[Metric] = METRICS) -> None:
        self._export = export
        self._scraping: asyncio.Task[tuple[bytes, str]] | None = None
        self._declared: dict[str, Metric] = {}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self.declare(*metrics)

    @classmethod
    def create(cls, settings: sections.Telemetry | None = None, environ: Mapping[str, str] = os.environ) -> Telemetry:
        """Make it as the settings and the standard `OTEL_…` variables require.

        `environ` decides whether and where metrics are pushed and under which service name; interval, headers,
        timeouts and certificates the exporter reads from the process's own environment.
        """
        wanted = read_otel_environment(environ)
        if not (settings or sections.Telemetry()).metrics or wanted.disabled:
            return cls(None)
        from umbral_chat.telemetry.export import Export

        return cls(Export(wanted))

    @property
    def enabled(self) -> bool:
        """Whether metrics are exported."""
        return self._export is not None

    @property
    def declared(self) -> dict[str, Metric]:
        """Every metric of this app by name."""
        return dict(self._declared)

    @property
    def meter_provider(self) -> MeterProvider | None:
        """OpenTelemetry's provider, for other instrumentation (HTTP); None when metrics are off."""
        return self._export.provider if self._export is not None else None

    def declare(self, *metrics: Metric) -> None:
        """Add metrics, also those of plugins. Repeating a declaration does nothing; a different metric with a known
        name raises ValueError."""
        for metric in metrics:
            known = self._declared.get(metric.name)
            if known is None:
                self._declared[metric.name] = metric
                self._make(metric)
            elif known != metric:
                raise ValueError(f"The metric {metric.name} is declared already, differently.")

    def counter(self, name: str) -> Counter:
        """The counter of that name; the same one each time. Raises LookupError for one that is not declared."""
        return _found(name, "counter", self._counters)

    def histogram(self, name: str) -> Histogram:
        """The histogram of that name. Raises LookupError for one that is not declared."""
        return _found(name, "histogram", self._histograms)

    def gauge(self, name: str, read: Callable[[], Iterable[Reading]]) -> Gauge:
        """Add `read` to the gauge of that name. It returns pairs of the labels' values (a tuple) and a number.

        `read` is called at each collection, sometimes from another thread: it must be quick, and copy what it iterates
        over (`list(…)`). Raises LookupError for a gauge that is not declared.
        """
        gauge = _found(name, "gauge", self._gauges)
        gauge.readers.append(read)
        return gauge

    def totals(self) -> dict[str, int]:
        """Every counter's sum over its series, by name: counted whether metrics are on or off."""
        return {name: counter.total for name, counter in self._counters.items()}

    def prometheus(self) -> tuple[bytes, str]:
        """The current values in Prometheus' text format, and its content type."""
        return OFF if self._export is None else self._export.prometheus(), CONTENT_TYPE

    async def scrape(self) -> tuple[bytes, str]:
        """As `prometheus`, computed in a thread so that the event loop is not blocked. Concurrent callers share one
        computation."""
        if self._scraping is None:
            self._scraping = asyncio.create_task(asyncio.to_thread(self.prometheus), name="scrape")
            self._scraping.add_done_callback(self._scraped)
        # Shielded: the cancellation of one caller must not affect the others.
        return await asyncio.shield(self._scraping)

    def _scraped(self, task: asyncio.Task[tuple[bytes, str]]) -> None:
        self._scraping = None
        if not task.cancelled():
            task.exception()  # retrieved, in case all callers have left

    def shutdown(self, timeout: float = 5.0) -> None:
        """Export what is left and shut down, once. Blocks for at most about `timeout` seconds: call it in a thread.
        Later counts are not exported."""
        export, self._export = self._export, None
        if export is not None:
            export.shutdown(timeout)

    def _make(self, metric: Metric) -> None:
        match metric.kind:
            case "counter":
                counter = self._counters[metric.name] = Counter(metric)
                if self._export is not None:
                    self._export.counter(counter)
            case "gauge":
                gauge = self._gauges[metric.name] = Gauge(metric)
                if self._export is not None:
                    self._export.gauge(gauge)
            case "histogram":
                self._histograms[metric.name] = (
                    Histogram(metric, discard) if self._export is None else self._export.histogram(metric)
                )


def _found(name: str, kind: Kind, made: Mapping[str, T]) -> T:
    instrument = made.get(name)
    if instrument is None:
        raise LookupError(f"No {kind} {name} is declared: {suggestion(name, made, what=f'{kind}s')}")
    return instrument


__all__ = ["Telemetry"]
