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
"""Of the classic text format, which is what is written, whatever prometheus_client calls its latest."""

OFF = b"# Metrics are off: telemetry.metrics is false, or OTEL_SDK_DISABLED is true.\n"


class Telemetry:
    """Counts what is declared, and nothing else.

    A counter's cell is a plain object, so counting is an attribute's increment whether metrics are on or off; off,
    nobody reads it, and OpenTelemetry is not even imported.
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
        """As the settings and the standard `OTEL_…` variables ask.

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
        """Whether anybody can read what is counted."""
        return self._export is not None

    @property
    def declared(self) -> dict[str, Metric]:
        """Every metric of this app by name."""
        return dict(self._declared)

    @property
    def meter_provider(self) -> MeterProvider | None:
        """OpenTelemetry's provider, for instrumentation of others (HTTP); None when off."""
        return self._export.provider if self._export is not None else None

    def declare(self, *metrics: Metric) -> None:
        """Add metrics, a plugin's too. Again is nothing; another metric of a known name raises ValueError."""
        for metric in metrics:
            known = self._declared.get(metric.name)
            if known is None:
                self._declared[metric.name] = metric
                self._make(metric)
            elif known != metric:
                raise ValueError(f"The metric {metric.name} is declared already, and otherwise.")

    def counter(self, name: str) -> Counter:
        """The counter of that name; the same one each time. Raises LookupError for one that is not declared."""
        return _found(name, "counter", self._counters)

    def histogram(self, name: str) -> Histogram:
        """The histogram of that name. Raises LookupError for one that is not declared."""
        return _found(name, "histogram", self._histograms)

    def gauge(self, name: str, read: Callable[[], Iterable[Reading]]) -> Gauge:
        """Let the gauge of that name say what `read` says: pairs of its labels' values (a tuple) and a number.

        `read` is called at each collection, at times from another thread: it takes a copy of what it walks over
        (`list(…)`), and is quick. Raises LookupError for a gauge that is not declared.
        """
        gauge = _found(name, "gauge", self._gauges)
        gauge.readers.append(read)
        return gauge

    def totals(self) -> dict[str, int]:
        """Every counter's sum over its series, by name: counted whether metrics are on or off."""
        return {name: counter.total for name, counter in self._counters.items()}

    def prometheus(self) -> tuple[bytes, str]:
        """The Prometheus text exposition of now, and its content type."""
        return OFF if self._export is None else self._export.prometheus(), CONTENT_TYPE

    async def scrape(self) -> tuple[bytes, str]:
        """The same, made in a thread, so that nobody waits for it but who asked. Who asks while it is being made gets
        what is being made."""
        if self._scraping is None:
            self._scraping = asyncio.create_task(asyncio.to_thread(self.prometheus), name="scrape")
            self._scraping.add_done_callback(self._scraped)
        # Shielded: one who goes away must not take it from the others.
        return await asyncio.shield(self._scraping)

    def _scraped(self, task: asyncio.Task[tuple[bytes, str]]) -> None:
        self._scraping = None
        if not task.cancelled():
            task.exception()  # looked at, for when everybody who wanted it has left

    def shutdown(self, timeout: float = 5.0) -> None:
        """Push what is left and let go; once. Blocks, for `timeout` seconds at most or little longer: call it in a
        thread. What is counted afterwards goes nowhere."""
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
