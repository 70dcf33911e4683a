"""Reads the standard `OTEL_…` variables."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

log = logging.getLogger(__name__)

_EXPORTERS = frozenset({"otlp", "prometheus", "none"})
_PROTOCOL = "http/protobuf"


@dataclass(frozen=True, slots=True)
class OtelEnvironment:
    """The values that the variables set. `otlp`: push metrics; `endpoint` None: http://localhost:4318/v1/metrics, the
    standard default."""

    disabled: bool = False
    otlp: bool = False
    endpoint: str | None = None
    service_name: str | None = None


def read_otel_environment(environ: Mapping[str, str]) -> OtelEnvironment:
    """Read the variables. Metrics are pushed when an endpoint is set, or OTEL_METRICS_EXPORTER lists `otlp`; a list
    without it (such as `none`) prevents that. /metrics depends only on the setting `telemetry.metrics`."""

    def value(name: str) -> str | None:
        return environ.get(name, "").strip() or None

    exporters = {one.strip().lower() for one in (value("OTEL_METRICS_EXPORTER") or "").split(",")} - {""}
    for unknown in sorted(exporters - _EXPORTERS):
        log.warning("OTEL_METRICS_EXPORTER names %r, which is not supported; otlp, prometheus and none are.", unknown)
    endpoint = value("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    if endpoint is None and (base := value("OTEL_EXPORTER_OTLP_ENDPOINT")) is not None:
        endpoint = f"{base.rstrip('/')}/v1/metrics"
    otlp = "otlp" in exporters if exporters else endpoint is not None
    protocol = value("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") or value("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOL
    if otlp and protocol != _PROTOCOL:
        log.warning(
            "OTLP metrics are not exported: the protocol %r is not supported. Set "
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL to %s and the endpoint to a port that supports it (usually 4318).",
            protocol,
            _PROTOCOL,
        )
        otlp = False
    return OtelEnvironment(
        disabled=(value("OTEL_SDK_DISABLED") or "").lower() == "true",
        otlp=otlp,
        endpoint=endpoint,
        service_name=value("OTEL_SERVICE_NAME"),
    )


__all__ = ["OtelEnvironment", "read_otel_environment"]
