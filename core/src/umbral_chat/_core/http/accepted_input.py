"""Which query parameters and headers a route accepts, and whether a body: read from its handler's signature, from which
the OpenAPI document is made, too. Everything else is refused, on ordinary routes, hot routes and those of plugins.

A handler that reads the query or the body without naming it in its signature declares that: `opt={"query": OWN}`,
`opt={"body": True}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from litestar.constants import RESERVED_KWARGS
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import Scope

from umbral_chat.errors import InvalidRequest

OWN = "own"
"""The handler itself refuses unknown query parameters, as hot routes do, which parse the query anyway."""

NOTHING = 2
"""Bytes of a body that counts as none: `{}`, which some clients send with every POST."""


class AcceptedInput(NamedTuple):
    """What one method of a route accepts.

    `query` None: any parameters. `body` None: the handler may read one itself.
    """

    query: frozenset[bytes] | None
    body: bool | None
    once: frozenset[bytes] = frozenset()
    """Headers that may be sent only once. Hot routes read theirs with `asgi.header`, which checks that."""

    def check(self, scope: Scope) -> None:
        """Raises InvalidRequest: `unknown_parameter`, `duplicate_parameter`, `unexpected_body`, `duplicate_header`."""
        raw = scope["query_string"]
        if raw and self.query is not None:
            _check_query(raw, self.query)
        if self.body is False:
            for name, value in scope["headers"]:
                if name in _OF_A_BODY and (name == b"transfer-encoding" or value not in _NONE):
                    raise _unexpected_body()
        if self.once:
            _check_once(scope, self.once)


def accepted_input(handler: BaseRouteHandler, method: str, path_parameters: frozenset[str]) -> AcceptedInput:
    """What `handler` accepts with this method."""
    declared = [one for one in _documented(handler) if method in _methods(one)]
    query: list[str] | None = None
    body: bool | None = handler.opt.get("body")
    if handler.opt.get("query") != OWN and declared:
        found = [name for one in declared for name in _query(one, path_parameters)]
        query = None if None in found else [name for name in found if name is not None]
    if body is None and declared:
        kinds = {_body(one) for one in declared}
        body = True if True in kinds else None if None in kinds else False
    once = frozenset() if "documented_by" in handler.opt else frozenset(_headers(handler))
    return AcceptedInput(None if query is None else frozenset(name.encode() for name in query), body, once)


def _documented(handler: BaseRouteHandler) -> list[BaseRouteHandler]:
    stand_ins = handler.opt.get("documented_by")
    if stand_ins is None:
        # A hot route that no handler documents may read anything.
        return [handler] if hasattr(handler, "http_methods") else []
    return list(stand_ins) if isinstance(stand_ins, list | tuple) else [stand_ins]


def _methods(handler: Any) -> set[str]:
    return {str(method) for method in handler.http_methods}


def _query(handler: BaseRouteHandler, path_parameters: frozenset[str]) -> Iterator[str | None]:
    """Names of query parameters; None for a parameter that takes the whole query."""
    dependencies = handler.resolve_dependencies()
    pending, seen = [handler.parsed_fn_signature], set[str]()
    while pending:
        for name, field in pending.pop().parameters.items():
            if name == "query":
                yield None
            elif name in dependencies:
                # The parameters of a dependency are read from the request, too.
                if name not in seen:
                    seen.add(name)
                    pending.append(dependencies[name].parsed_fn_signature)
            elif not (name in RESERVED_KWARGS or name in path_parameters or field.is_di_field):
                kwarg = field.kwarg_definition if isinstance(field.kwarg_definition, ParameterKwarg) else None
                if kwarg is None or kwarg.param_type is ParamType.QUERY:
                    yield (kwarg and kwarg.name) or name


def _headers(handler: BaseRouteHandler) -> Iterator[bytes]:
    for name, field in handler.parsed_fn_signature.parameters.items():
        kwarg = field.kwarg_definition
        if isinstance(kwarg, ParameterKwarg) and kwarg.param_type is ParamType.HEADER:
            yield (kwarg.name or name).lower().encode()


def _body(handler: BaseRouteHandler) -> bool | None:
    names = handler.parsed_fn_signature.parameters.keys()
    if names & {"data", "body"}:
        return True
    return None if names & {"scope"} else False


def _check_query(raw: bytes, known: frozenset[bytes]) -> None:
    seen: set[bytes] = set()
    for pair in raw.split(b"&"):
        name = pair.partition(b"=")[0]
        if not name and not pair:
            continue
        if name not in known:
            name = unquote_to_bytes(name.replace(b"+", b" "))
        if name in seen:
            raise InvalidRequest(f"{_shown(name)} was given twice.", code="duplicate_parameter", field=_shown(name))
        if name not in known:
            there = ", ".join(sorted(one.decode() for one in known)) or "none"
            raise InvalidRequest(
                f"There is no parameter {_shown(name)!r} here; there are: {there}.",
                code="unknown_parameter",
                field=_shown(name),
            )
        seen.add(name)


def _unexpected_body() -> InvalidRequest:
    return InvalidRequest(
        "This route takes no body. Send filters in the query, and an idempotency key in the header.",
        code="unexpected_body",
        field="body",
    )


_OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})


def _check_once(scope: Scope, names: frozenset[bytes]) -> None:
    given = [name for name, _ in scope["headers"] if name in names]
    if len(given) != len(set(given)):
        name = next(name for name in given if given.count(name) > 1).decode()
        raise InvalidRequest(f"The header {name} was sent twice.", code="duplicate_header", field=name)


_NONE = frozenset(str(count).encode() for count in range(NOTHING + 1))


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")[:128]


__all__ = ["NOTHING", "OWN", "AcceptedInput", "accepted_input"]
