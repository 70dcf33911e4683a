"""Metrics over HTTP: what a client chooses is no label, and a scrape keeps nobody waiting."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from prometheus_client.parser import text_string_to_metric_families
from umbral_chat.telemetry.requests import instrumented

from .conftest import KEYS, Client, send

Start = Callable[..., Awaitable[Client]]


async def scraped(client: Client) -> str:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def series(text: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("http_")
    }


async def asked(client: Client, names: range) -> None:
    for number in names:
        mark = f"marked{number}"
        await client.request(
            "GET",
            f"/v1/conversations/{mark}?{mark}=1",
            headers={
                "host": f"{mark}.example:{number + 1024}",
                "user-agent": mark,
                "x-forwarded-host": mark,
                "x-forwarded-proto": mark,
                "origin": f"http://{mark}.example",
                "traceparent": f"00-{number + 1:032x}-{number + 1:016x}-01",
            },
        )
        await client.request("GET", f"/{mark}/nothing/here")
        await client.request(f"MARKED{number}", "/v1/status")


@pytest.mark.parametrize("conventions", ["", "http", "http/dup"])
async def test_no_label_is_a_clients_to_choose(start: Start, monkeypatch: pytest.MonkeyPatch, conventions: str) -> None:
    from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability as Stability

    # The instrumentation reads the variable once a process.
    monkeypatch.setattr(Stability, "_initialized", False)
    monkeypatch.setattr(Stability, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", {})
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", conventions)
    client = await start(telemetry__http="true", core__keys=json.dumps(KEYS))
    client.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
    await asked(client, range(3))
    await scraped(client)
    before = series(await scraped(client))
    assert before
    await asked(client, range(3, 60))
    text = await scraped(client)
    assert series(text) == before
    assert "marked" not in text.lower()
    assert {name for _, labels in before for name, _ in labels} <= {
        "http_method", "http_request_method", "http_status_code", "http_response_status_code", "http_route", "le",
    }  # fmt: skip


async def test_a_span_is_named_by_its_route_and_not_by_the_path(client: Client) -> None:
    spans = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    app = instrumented(cast("Any", client.app), None, tracers)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://127.0.0.1") as asked:
        assert (await asked.get("/v1/conversations/marked/events")).status_code == 200
        assert (await asked.get("/v1/conversations/marked")).status_code == 404
        assert (await asked.get("/marked")).status_code == 404
        assert (await asked.request("MARKED", "/v1/status")).status_code == 405
    served = [span.name for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert served == [
        "GET /v1/conversations/{conversation}/events",
        "GET /v1/conversations/{conversation}",
        "GET",
        "_OTHER",
    ]
    assert all("marked" not in span.name.lower() for span in spans.get_finished_spans())


async def test_a_query_that_is_no_text_is_still_told_what_it_is(start: Start) -> None:
    client = await start(telemetry__http="true")
    scope_query = b"after=\xff"
    answer = await client.get("/v1/conversations/room/events")
    assert answer.status_code == 200
    seen: list[int] = []

    async def received() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    path = "/v1/conversations/room/events"
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": scope_query, "root_path": "", "headers": [],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    await client.app(scope, received, sent)  # type: ignore[arg-type]
    assert seen == [400]


async def test_a_scrape_keeps_nobody_waiting(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = client.app.state.services.base.telemetry
    made, begun, go_on = [0], asyncio.Event(), threading.Event()
    loop, real = asyncio.get_running_loop(), telemetry.prometheus

    def slow() -> tuple[bytes, str]:
        made[0] += 1
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(60)
        found: tuple[bytes, str] = real()
        return found

    monkeypatch.setattr(telemetry, "prometheus", slow)
    scrapes = [asyncio.create_task(scraped(client)) for _ in range(3)]
    await begun.wait()
    await send(client, "room", "meanwhile")
    assert (await client.get("/v1/conversations/room/events")).status_code == 200
    scrapes[0].cancel()
    go_on.set()
    texts = await asyncio.gather(*scrapes[1:])
    # One was made for all who asked meanwhile, and the next one is made anew.
    assert made == [1]
    assert all("umbral_chat_sends_total" in text for text in texts)
    assert 'umbral_chat_sends_total{outcome="created"} 1.0' in await scraped(client)
