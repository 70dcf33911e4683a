"""What the standard `OTEL_…` variables ask for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

log = logging.getLogger(__name__)

_EXPORTERS = frozenset({"otlp", "prometheus", "none"})
_PROTOCOL = "http/protobuf"


@dataclass(frozen=True, slots=True)
class OtelEnvironment:
    """`otlp`: push; `endpoint` None is the standard default, http://localhost:4318/v1/metrics."""

    disabled: bool = False
    otlp: bool = False
    endpoint: str | None = None
    service_name: str | None = None


def read_otel_environment(environ: Mapping[str, str]) -> OtelEnvironment:
    """Read them. Metrics are pushed when an endpoint is set, or `otlp` is asked for by OTEL_METRICS_EXPORTER; a list
    without it (`none` above all) keeps them from being pushed. /metrics is the setting `telemetry.metrics` alone."""

    def said(name: str) -> str | None:
        return environ.get(name, "").strip() or None

    exporters = {one.strip().lower() for one in (said("OTEL_METRICS_EXPORTER") or "").split(",")} - {""}
    for unknown in sorted(exporters - _EXPORTERS):
        log.warning("OTEL_METRICS_EXPORTER names %r, which is not here: otlp, prometheus or none.", unknown)
    endpoint = said("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    if endpoint is None and (base := said("OTEL_EXPORTER_OTLP_ENDPOINT")) is not None:
        endpoint = f"{base.rstrip('/')}/v1/metrics"
    otlp = "otlp" in exporters if exporters else endpoint is not None
    protocol = said("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL") or said("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOL
    if otlp and protocol != _PROTOCOL:
        log.warning(
            "OTLP metrics are not exported: the protocol %r is not here. Set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL to "
            "%s and the endpoint to a port that speaks it (4318 by custom).",
            protocol,
            _PROTOCOL,
        )
        otlp = False
    return OtelEnvironment(
        disabled=(said("OTEL_SDK_DISABLED") or "").lower() == "true",
        otlp=otlp,
        endpoint=endpoint,
        service_name=said("OTEL_SERVICE_NAME"),
    )


__all__ = ["OtelEnvironment", "read_otel_environment"]
