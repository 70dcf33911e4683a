"""OpenTelemetry's side of the metrics: the meter, its readers and exporters. Imported only when metrics are on."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

import umbral_chat
from umbral_chat.telemetry.instruments import Counter, Gauge, Histogram, Reading
from umbral_chat.telemetry.otel_environment import OtelEnvironment
from umbral_chat.telemetry.registry import Metric

log = logging.getLogger(__name__)

SERVICE_NAME = "umbral-chat"

HTTP_ATTRIBUTES = {"http.method", "http.request.method", "http.status_code", "http.response.status_code", "http.route"}
"""Attributes of the metrics of HTTP requests, in the old and the new semantic conventions. A client chooses every
other one (host, path, scheme, protocol, user agent, peer). `http.route` is a route's template here (`requests`)."""


class Export:
    """The instruments of one Telemetry as OpenTelemetry sees them."""

    def __init__(self, wanted: OtelEnvironment) -> None:
        # Its own registry: the global one has the metrics of other libraries and of other apps in this process.
        self._registry = CollectorRegistry()
        self._scrape = threading.Lock()
        readers: list[MetricReader] = [PrometheusMetricReader(registry=self._registry, scope_info_enabled=False)]
        if wanted.otlp:
            # Imported only for OTLP: it takes as long as all other imports together.
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            # Headers, timeouts, interval, compression and certificates are the exporter's own standard variables.
            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=wanted.endpoint)))
        bounded = View(instrument_name="http.*", attribute_keys=HTTP_ATTRIBUTES)
        self.provider = MeterProvider(
            metric_readers=readers, resource=_resource(wanted), shutdown_on_exit=False, views=[bounded]
        )
        self._meter = self.provider.get_meter(SERVICE_NAME, umbral_chat.__version__)

    def counter(self, counter: Counter) -> None:
        """Read this counter at each collection."""
        metric = counter.metric
        callback = _callback(metric, counter.read)
        self._meter.create_observable_counter(metric.name, [callback], metric.unit, metric.description)

    def gauge(self, gauge: Gauge) -> None:
        """Read this gauge at each collection."""
        metric = gauge.metric
        callback = _callback(metric, gauge.read)
        self._meter.create_observable_gauge(metric.name, [callback], metric.unit, metric.description)

    def histogram(self, metric: Metric) -> Histogram:
        """A histogram with the declared buckets."""
        made = self._meter.create_histogram(
            metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=metric.buckets
        )
        return Histogram(metric, made.record)

    def prometheus(self) -> bytes:
        """The current values in Prometheus' text format."""
        with self._scrape:  # the collector uses one shared queue
            return generate_latest(self._registry)

    def shutdown(self, timeout: float) -> None:
        """Export what is left and shut down, within about `timeout` seconds."""
        try:
            self.provider.shutdown(timeout_millis=timeout * 1000)
        except Exception:
            log.warning("Metrics were not all exported at shutdown", exc_info=True)


def _callback(metric: Metric, read: Callable[[], list[Reading]]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    names = [label.name for label in metric.labels]

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(number, dict(zip(names, values, strict=True))) for values, number in read()]

    return observe


def _resource(wanted: OtelEnvironment) -> Resource:
    """Our attributes, overridden by OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME."""
    detected = Resource.create()
    own = Resource({"service.version": umbral_chat.__version__, "service.instance.id": str(uuid.uuid4())})
    resource = own.merge(detected)
    # Without a name the SDK itself sets "unknown_service:python".
    unnamed = str(resource.attributes.get("service.name", "unknown_service")).startswith("unknown_service")
    name = wanted.service_name or (SERVICE_NAME if unnamed else None)
    return resource if name is None else resource.merge(Resource({"service.name": name}))


__all__ = ["SERVICE_NAME", "Export"]
