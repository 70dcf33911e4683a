"""Problem details (RFC 9457) for every error, each with a `code` that does not change."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin
from litestar.types import Send

from umbral_chat.errors import InvalidRequest, RequestError
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.decoding import missing_body, shape_error
from umbral_chat.telemetry import Telemetry

log = logging.getLogger(__name__)

INTERNAL_ERROR = msgspec.json.encode(
    {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong in the service; its log has the details.",
        "code": "internal_error",
    }
)
"""The body of every 500."""

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
}


def problem(error: RequestError) -> dict[str, Any]:
    """The members of an error's problem details."""
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.field is not None:
        members["field"] = error.field
    if error.limit is not None:
        members["limit"] = error.limit
    return members | error.extra


def plugin(telemetry: Telemetry, *, body_limit: int) -> ProblemDetailsPlugin:
    """Litestar's plugin, configured to turn our errors and its own into problem details, and to count them."""
    count = telemetry.counter("umbral_chat.http.problems")

    def convert(error: RequestError) -> ProblemDetailsException:
        count.labels(error.code).value += 1
        members = problem(error)
        return ProblemDetailsException(
            detail=error.detail,
            status_code=error.status,
            title=members["title"],
            type_=members["type"],
            headers=error.headers or None,
            extra={key: value for key, value in members.items() if key not in {"type", "title", "status", "detail"}},
        )

    def convert_http(error: HTTPException) -> ProblemDetailsException:
        return convert(from_litestar(error, body_limit))

    return ProblemDetailsPlugin(
        ProblemDetailsConfig(
            exception_to_problem_detail_map={
                RequestError: convert,
                HTTPException: convert_http,
            }
        )
    )


def from_litestar(error: HTTPException, body_limit: int) -> RequestError:
    """Convert one of Litestar's errors into one of ours."""
    if isinstance(error, ValidationException):
        first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
        message, key = str(first.get("message", error.detail)), str(first.get("key", ""))
        if message == "'data'":
            return missing_body()
        shaped = shape_error(message)
        return shaped if shaped.field != "body" else _named(shaped, key)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return asgi.too_large(body_limit)
    return of_status(error.status_code, error.detail or HTTPStatus(error.status_code).phrase, error.headers)


def of_status(status: int, detail: str, headers: Mapping[str, str] | None = None) -> RequestError:
    """An error of ours for a status that has no class of its own."""
    error = RequestError(detail, code=_CODES.get(status, "error"), headers=headers)
    error.status = status  # type: ignore[misc]  # an instance's own status
    return error


def _named(error: InvalidRequest, key: str) -> InvalidRequest:
    return InvalidRequest(error.detail.replace("The body", key or "The request"), code=error.code, field=key or None)


async def send_problem(send: Send, error: RequestError, headers: asgi.Headers) -> None:
    """Answer with an error outside of Litestar's routing and exception handlers."""
    data = msgspec.json.encode(problem(error))
    fields: Any = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(data)), *headers]
    await send({"type": "http.response.start", "status": error.status, "headers": fields})
    await send({"type": "http.response.body", "body": data, "more_body": False})


def internal_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to an unexpected exception, which is logged; the caller only learns that there was one."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Response(INTERNAL_ERROR, status_code=500, media_type="application/problem+json")


__all__ = [
    "INTERNAL_ERROR",
    "from_litestar",
    "internal_error",
    "of_status",
    "plugin",
    "problem",
    "send_problem",
]
