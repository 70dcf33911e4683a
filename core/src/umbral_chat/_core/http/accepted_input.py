"""What a route takes, read from its handler's signature, which the OpenAPI document is made from, too: the names of its
query parameters, and whether a body. What it does not take is refused, on ordinary and hot routes and those of plugins.

A handler that reads its query or body by itself, past its signature, says so: `opt={"query": OWN}`,
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
"""The handler refuses by itself what it does not know of the query, as hot routes do that parse it anyway."""

NOTHING = 2
"""Bytes of a body that can say nothing: `{}`, which some clients send with every POST."""


class AcceptedInput(NamedTuple):
    """`query` None: any parameters. `body` None: the handler may read one by itself."""

    query: frozenset[bytes] | None
    body: bool | None
    once: frozenset[bytes] = frozenset()
    """Headers that count once. Hot routes read theirs by `http.header`, which holds them to that."""

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
    """What `handler` takes with this method."""
    speaking = [one for one in _documented(handler) if method in _methods(one)]
    query: list[str] | None = None
    body: bool | None = handler.opt.get("body")
    if handler.opt.get("query") != OWN and speaking:
        found = [name for one in speaking for name in _query(one, path_parameters)]
        query = None if None in found else [name for name in found if name is not None]
    if body is None and speaking:
        kinds = {_body(one) for one in speaking}
        body = True if True in kinds else None if None in kinds else False
    once = frozenset() if "documented_by" in handler.opt else frozenset(_headers(handler))
    return AcceptedInput(None if query is None else frozenset(name.encode() for name in query), body, once)


def _documented(handler: BaseRouteHandler) -> list[BaseRouteHandler]:
    stand_ins = handler.opt.get("documented_by")
    if stand_ins is None:
        # A hot route that nothing documents reads what it likes.
        return [handler] if hasattr(handler, "http_methods") else []
    return list(stand_ins) if isinstance(stand_ins, list | tuple) else [stand_ins]


def _methods(handler: Any) -> set[str]:
    return {str(method) for method in handler.http_methods}


def _query(handler: BaseRouteHandler, path_parameters: frozenset[str]) -> Iterator[str | None]:
    """Names of query parameters, and None for one that stands for all of them."""
    dependencies = handler.resolve_dependencies()
    waiting, asked = [handler.parsed_fn_signature], set[str]()
    while waiting:
        for name, field in waiting.pop().parameters.items():
            if name == "query":
                yield None
            elif name in dependencies:
                # What a dependency is given comes from the request, too.
                if name not in asked:
                    asked.add(name)
                    waiting.append(dependencies[name].parsed_fn_signature)
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
        "This route takes no body. What narrows an answer goes in the query, an idempotency key in the header.",
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
