"""The ways out: Prometheus text, and OTLP to a real HTTP server."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import prometheus_client
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from umbral_chat.telemetry import METRICS, Label, Metric, Telemetry


class Sink:
    """A collector: takes OTLP over HTTP and keeps what came."""

    def __init__(self) -> None:
        received: queue.Queue[tuple[str, ExportMetricsServiceRequest]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put((self.path, ExportMetricsServiceRequest.FromString(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.received = received
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self) -> tuple[str, ExportMetricsServiceRequest]:
        return self.received.get(timeout=10)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    thread = threading.Thread(target=sink.server.serve_forever)
    thread.start()
    yield sink
    sink.server.shutdown()
    sink.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK reads some variables from the process itself."""
    for name in ("OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_METRICS_EXPORTER"):
        monkeypatch.delenv(name, raising=False)


def touch(telemetry: Telemetry) -> None:
    """Give every declared metric a value."""
    for metric in telemetry.declared.values():
        values = tuple(label.values[0] if label.values else "acme" for label in metric.labels)
        match metric.kind:
            case "counter":
                telemetry.counter(metric.name).labels(*values).add(2)
            case "histogram":
                telemetry.histogram(metric.name).record(0.5)
            case "gauge":
                telemetry.gauge(metric.name, partial(list, [(values, 7)]))


def names(request: ExportMetricsServiceRequest) -> set[str]:
    return {metric.name for one in request.resource_metrics for scope in one.scope_metrics for metric in scope.metrics}


def service(request: ExportMetricsServiceRequest) -> dict[str, str]:
    (one,) = request.resource_metrics
    return {attribute.key: attribute.value.string_value for attribute in one.resource.attributes}


def test_prometheus_text_says_what_was_counted() -> None:
    telemetry = Telemetry.create(environ={})
    telemetry.counter("umbral_chat.polls").labels("304").value += 5
    telemetry.histogram("umbral_chat.append.duration").record(0.0002)
    telemetry.gauge("umbral_chat.transport.state", lambda: [(("polling", "live"), 1), (("polling", "down"), 0)])
    text, content_type = telemetry.prometheus()
    telemetry.shutdown()
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
    assert samples["umbral_chat_polls_total", "304"] == 5
    assert samples["umbral_chat_polls_total", "new"] == 0
    assert samples["umbral_chat_append_duration_seconds_sum",] == 0.0002
    assert samples["umbral_chat_append_duration_seconds_bucket", "0.0001"] == 0
    assert samples["umbral_chat_append_duration_seconds_bucket", "0.00025"] == 1
    assert samples["umbral_chat_transport_state", "live", "polling"] == 1
    assert samples["umbral_chat_transport_state", "down", "polling"] == 0


def test_the_global_registry_of_prometheus_is_left_alone() -> None:
    first, second = Telemetry.create(environ={}), Telemetry.create(environ={})
    first.counter("umbral_chat.sends").labels("created").add(1)
    assert b'sends_total{outcome="created"} 0.0' in second.prometheus()[0]
    assert b"umbral_chat" not in prometheus_client.generate_latest()
    first.shutdown()
    second.shutdown()


def test_every_declared_metric_reaches_a_collector_and_nothing_else_does(sink: Sink) -> None:
    telemetry = Telemetry.create(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url + "/"})
    telemetry.declare(Metric("acme.calls", "counter", "{call}", "Calls.", (Label("by", open=True),)))
    touch(telemetry)
    telemetry.shutdown()  # which pushes what is left
    path, request = sink.take()
    assert path == "/v1/metrics"
    assert names(request) == {metric.name for metric in METRICS} | {"acme.calls"}
    assert service(request)["service.name"] == "umbral-chat"
    assert service(request)["service.version"]


def test_the_units_and_descriptions_that_a_collector_sees_are_the_declared_ones(sink: Sink) -> None:
    telemetry = Telemetry.create(environ={"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{sink.url}/mine"})
    touch(telemetry)
    telemetry.shutdown()
    path, request = sink.take()
    assert path == "/mine"
    (one,) = request.resource_metrics
    seen = {metric.name: (metric.unit, metric.description) for scope in one.scope_metrics for metric in scope.metrics}
    assert seen == {metric.name: (metric.unit, metric.description) for metric in METRICS}


def test_the_service_name_is_the_standard_variables_when_it_is_set(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url}
    Telemetry.create(environ={**endpoint, "OTEL_SERVICE_NAME": "mine"}).shutdown()
    assert service(sink.take()[1])["service.name"] == "mine"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-attributes,deployment=here")
    Telemetry.create(environ=endpoint).shutdown()
    attributes = service(sink.take()[1])
    assert (attributes["service.name"], attributes["deployment"]) == ("from-attributes", "here")


def test_metrics_are_pushed_at_the_standard_interval(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    telemetry = Telemetry.create(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url})
    sink.take()
    sink.take()
    telemetry.shutdown()


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_METRICS_EXPORTER": "prometheus"},
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"},
    ],
)
def test_nothing_is_pushed_when_the_standard_variables_say_so(sink: Sink, environ: dict[str, str]) -> None:
    telemetry = Telemetry.create(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, **environ})
    touch(telemetry)
    telemetry.shutdown()
    assert sink.received.empty()


def test_a_protocol_or_exporter_that_is_not_here_is_told(caplog: pytest.LogCaptureFixture) -> None:
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_METRICS_EXPORTER": "otlp, console"}
    Telemetry.create(environ=environ).shutdown()
    said = [record.getMessage() for record in caplog.records]
    assert any("'console', which is not supported" in one for one in said)
    assert any(
        "'grpc' is not supported. Set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL to http/protobuf" in one for one in said
    )


@pytest.mark.parametrize("kind", ["silent", "absent"])
def test_shutdown_ends_in_time_when_the_collector_does_not(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        if kind == "absent":
            server.close()
        telemetry = Telemetry.create(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
        telemetry.counter("umbral_chat.sends").labels("created").add()
        began = time.monotonic()
        telemetry.shutdown(timeout=0.5)
        assert time.monotonic() - began < 5  # ends by itself after 7 s
    telemetry.shutdown()  # again is nothing
    assert not telemetry.enabled
