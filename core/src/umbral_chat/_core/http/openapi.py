"""The OpenAPI document at `/schema`, hot routes included.

Litestar leaves `@asgi` handlers out of its document, so the document is made from a second app that is never served,
in which each of them is replaced by the ordinary handlers that it names in `opt["documented_by"]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Litestar, MediaType, Response, get
from litestar.constants import OPENAPI_JSON_HANDLER_NAME
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from umbral_chat import __version__
from umbral_chat._core.http.guard import PUBLIC
from umbral_chat._core.http.schema_page import POLICY, schema_page
from umbral_chat._core.http.session_cookie import NAME, PREFIX

DEPENDENCIES = ("services", "principal", "issuer_holder", "checks")
"""Dependencies that the app injects into ordinary handlers: no caller sends them."""


def document(handlers: Sequence[BaseRouteHandler]) -> dict[str, Any]:
    """The OpenAPI document for `handlers`."""
    app = Litestar(
        list(documented(handlers)),
        dependencies={name: Provide(_Placeholder(), sync_to_thread=False) for name in DEPENDENCIES},
        logging_config=None,  # it would replace the service's own
        openapi_config=OpenAPIConfig(
            title="Umbral Chat",
            version=__version__,
            description="An ordered durable log per conversation, and every way to follow it. Errors are problem "
            "details (RFC 9457) whose `code` does not change.",
            components=Components(
                security_schemes={
                    "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="key or token"),
                    "session": SecurityScheme(
                        type="apiKey",
                        name=PREFIX + NAME,
                        security_scheme_in="cookie",
                        description="Of an operator who signed in, for pages of the service; on a loopback name "
                        f"without the prefix `{PREFIX}`.",
                    ),
                }
            ),
            security=[{"bearer": []}, {"session": []}],
            use_handler_docstrings=True,
        ),
    )
    schema: dict[str, Any] = app.openapi_schema.to_schema()
    for handler in documented(handlers):
        right = handler.opt.get("right")
        for path in handler.paths:
            item = schema["paths"].get(openapi_path(path), {})
            for operation in item.values():
                if isinstance(operation, dict) and operation.get("operationId") == getattr(
                    handler, "operation_id", None
                ):
                    operation["x-right"] = right
                    _make_optional(operation.get("requestBody", {}))
                    if right == PUBLIC:
                        operation["security"] = []
                    # Litestar documents its own shape of a 400, which is not the one that is answered.
                    operation["responses"].pop("400", None)
                    if media_types := handler.opt.get("media_types"):
                        # One handler with several media types: Litestar documents only one.
                        operation["responses"]["200"]["content"] = {each: {"schema": {}} for each in media_types}
                    # A protocol of others has errors of its own form, beside the core's.
                    own = handler.opt.get("error_content")
                    answer = _PROBLEM | {"content": _PROBLEM["content"] | own} if own else _PROBLEM_ANSWER
                    for status in _problems(handler, operation, path):
                        operation["responses"].setdefault(status, answer)
    schema["components"].setdefault("responses", {})["Problem"] = _PROBLEM
    return schema


def documented(handlers: Iterable[BaseRouteHandler]) -> Iterable[BaseRouteHandler]:
    """The handlers as the document has them: a hot route is replaced by those that document it."""
    for handler in handlers:
        stand_ins = handler.opt.get("documented_by")
        if stand_ins is None:
            yield handler
        else:
            yield from stand_ins if isinstance(stand_ins, list | tuple) else [stand_ins]


def routes(handlers: Sequence[BaseRouteHandler]) -> list[BaseRouteHandler]:
    """`/schema` for people, `/schema/openapi.json` for tools. The document is made at the first request."""
    made: dict[str, Any] = {}

    def schema() -> dict[str, Any]:
        if not made:
            made.update(document(handlers))
        return made

    @get(
        "/schema/openapi.json",
        summary="The OpenAPI document",
        name=OPENAPI_JSON_HANDLER_NAME,
        include_in_schema=False,
        sync_to_thread=True,
        opt={"right": PUBLIC},
    )
    def openapi_json() -> dict[str, Any]:
        return schema()

    @get(
        "/schema",
        summary="The same as a page",
        include_in_schema=False,
        media_type=MediaType.HTML,
        sync_to_thread=True,
        opt={"right": PUBLIC},
    )
    def page() -> Response[str]:
        headers = {"content-security-policy": POLICY, "x-frame-options": "DENY"}
        return Response(schema_page(schema()), media_type=MediaType.HTML, headers=headers)

    return [openapi_json, page]


def _problems(handler: BaseRouteHandler, operation: dict[str, Any], path: str) -> list[str]:
    """The statuses of the problems that an operation can answer; `default` is for a mistake of the service.

    Those that follow from its shape are found here; the handler names the rest: `opt={"problems": (404, 409)}`.
    """
    found: set[int] = {400, *handler.opt.get("problems", ())}
    if handler.opt.get("right") != PUBLIC:
        found |= {401, 403, 429, 503}
    if "requestBody" in operation:
        found |= {413, 415}
    if "{conversation:" in path:
        found.add(410)
    return [*map(str, sorted(found)), "default"]


def _make_optional(body: dict[str, Any]) -> None:
    """Document a body that may be null as optional: it may be left out, and null itself is refused."""
    null = {"type": "null"}
    for content in body.get("content", {}).values():
        options = content["schema"].get("oneOf", [])
        if null in options:
            body["required"] = False
            (content["schema"],) = [one for one in options if one != null]


class _Placeholder:
    """Stands in for a dependency; Litestar needs a different object for each."""

    def __call__(self) -> None:
        return None


def openapi_path(path: str) -> str:
    """The path as the document writes it: parameters without their types."""
    return "/".join(
        part.split(":", 1)[0] + "}" if part.startswith("{") and ":" in part else part for part in path.split("/")
    )


_PROBLEM_ANSWER = {"$ref": "#/components/responses/Problem"}

_PROBLEM: dict[str, Any] = {
    "description": "What is wrong, as problem details (RFC 9457).",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string", "description": "Stable; switch on it."},
                    "field": {"type": "string", "description": "The culprit, where there is one."},
                    "limit": {"type": "number", "description": "The bound that was crossed, where there is one."},
                },
            },
            "example": {
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "There is no field 'contents' here.",
                "code": "unknown_field",
                "field": "contents",
            },
        }
    },
}

__all__ = ["document", "documented", "openapi_path", "routes"]
