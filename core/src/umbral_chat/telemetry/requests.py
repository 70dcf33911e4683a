"""Traces and measures HTTP requests with OpenTelemetry, without labels or span names that a client could choose.

The instrumentation labels series with the Host header, the path and more, so a client that varies them could fill the
memory and `/metrics`. So of its attributes only the method (one of RFC 9110 and 5789, `_OTHER` for the
rest) and the status code reach a metric: see `export.HTTP_ATTRIBUTES`. A span is named by its route's template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from litestar.plugins.opentelemetry import OpenTelemetryConfig
from litestar.plugins.opentelemetry.middleware import OpenTelemetryInstrumentationMiddleware
from opentelemetry import trace

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


_QUERY = "umbral_chat_query"
"""Key of the scope under which the query passes the instrumentation."""


class _Instrumentation(OpenTelemetryInstrumentationMiddleware):
    def __init__(self, app: ASGIApp, config: OpenTelemetryConfig) -> None:
        super().__init__(_named(app), config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"")
        # The instrumentation decodes the query as UTF-8 and would raise; the routes answer invalid UTF-8 with a
        # problem.
        if not query.isascii():
            await self.app(scope, receive, send)
        elif query:
            # The instrumentation keeps URLs, and a query may have a ticket in it, which is a credential.
            await super().__call__(cast("Scope", {**scope, "query_string": b"", _QUERY: query}), receive, send)
        else:
            await super().__call__(scope, receive, send)


def instrumented(app: ASGIApp, provider: MeterProvider | None, tracers: TracerProvider | None = None) -> ASGIApp:
    """`app` with every request traced and measured: the metrics go to `provider`, the spans to `tracers`, or to the
    process's own where there are none."""
    config = OpenTelemetryConfig(
        meter_provider=provider, tracer_provider=tracers, scope_span_details_extractor=_unrouted_details
    )
    return _Instrumentation(app, config)


def _unrouted_details(scope: Scope) -> tuple[str, dict[Any, str]]:
    """A span's name before the route is known."""
    return _method(scope), {}


def _method(scope: Scope) -> str:
    method = str(scope.get("method") or "WEBSOCKET")
    return method if method in _METHODS else "_OTHER"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})


def _named(app: ASGIApp) -> ASGIApp:
    """`app`, with the span of each request named by its route, which is known when the answer begins."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        given = cast("dict[str, Any]", scope)
        if _QUERY in given:
            given["query_string"] = given.pop(_QUERY)

        async def named(message: Message) -> None:
            template = str(scope.get("path_template") or "")
            if template and message["type"] in {"http.response.start", "websocket.accept"}:
                span = trace.get_current_span()
                span.update_name(f"{_method(scope)} {template}")
                span.set_attribute("http.route", template)
            await send(message)

        await app(scope, receive, named)

    return routed


__all__ = ["instrumented"]
