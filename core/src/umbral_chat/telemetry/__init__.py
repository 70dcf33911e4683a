"""Metrics: declared as data, counted by plain attributes, read by OpenTelemetry at each collection."""

from umbral_chat.telemetry.instruments import Cell, Counter, Gauge, Histogram
from umbral_chat.telemetry.registry import METRICS, Label, Metric
from umbral_chat.telemetry.telemetry import Telemetry

__all__ = ["METRICS", "Cell", "Counter", "Gauge", "Histogram", "Label", "Metric", "Telemetry"]
