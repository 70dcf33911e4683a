"""What a route takes is read from its signature, whoever wrote it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from litestar import Litestar, Request, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter, SkipValidation
from litestar.types import Receive, Scope, Send
from umbral_chat._core.http.accepted_input import AcceptedInput, accepted_input
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit.hot_route import HotRoute


class Body(msgspec.Struct):
    n: int = 0


Given = NamedDependency[SkipValidation[str]]


@get("/things/{thing:str}", sync_to_thread=False)
def ordinary(
    request: Request[Any, Any, Any],
    thing: FromPath[str],
    given: Given,
    plain: FromQuery[str] = "",
    named: Annotated[str | None, QueryParameter(name="camelCase")] = None,
    tag: Annotated[str | None, HeaderParameter(name="X-Tag")] = None,
) -> None: ...


@get("/x", sync_to_thread=False)
def documenting(thing: FromPath[str], n: FromQuery[int] = 0) -> None: ...


@post("/things", sync_to_thread=False)
def writing(data: JSONBody[Body]) -> None: ...


@get("/all", opt={"query": "own", "body": True}, sync_to_thread=False)
def by_itself(request: Request[Any, Any, Any]) -> None: ...


async def hot_function(scope: Scope, receive: Receive, send: Send) -> None: ...


def provided(after: FromQuery[str | None] = None) -> str | None:
    return after


def registered(handler: Any) -> BaseRouteHandler:
    """As the guard sees it."""
    app = Litestar(
        [handler],
        dependencies={"given": Provide(provided, sync_to_thread=False)},
        openapi_config=None,
        logging_config=None,
    )
    route: Any = app.routes[0]
    found: BaseRouteHandler = getattr(route, "route_handler", None) or route.route_handlers[0]
    return found


def test_an_ordinary_route_takes_what_its_function_names() -> None:
    found = accepted_input(registered(ordinary), "GET", frozenset({"thing"}))
    # `after` is asked for by a dependency.
    assert found == AcceptedInput(frozenset({b"plain", b"camelCase", b"after"}), False, frozenset({b"x-tag"}))
    assert accepted_input(registered(writing), "POST", frozenset()) == AcceptedInput(frozenset(), True)


def test_a_handler_may_read_what_it_likes_if_it_says_so() -> None:
    assert accepted_input(registered(by_itself), "GET", frozenset()) == AcceptedInput(None, True)


def test_a_hot_route_takes_what_its_documents_name() -> None:
    rights = {"GET": "read", "POST": "send", "PUT": "send"}
    hot = registered(
        HotRoute("/x", copy_scope=False, opt={"right": rights, "documented_by": [documenting, writing]})(hot_function)
    )
    assert accepted_input(hot, "GET", frozenset({"thing"})) == AcceptedInput(frozenset({b"n"}), False)
    assert accepted_input(hot, "POST", frozenset()) == AcceptedInput(frozenset(), True)
    assert accepted_input(hot, "PUT", frozenset()) == AcceptedInput(None, None)  # nothing documents it


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        (b"after=1&after=2", "duplicate_parameter", "after"),
        (b"after=1&%61fter=2", "duplicate_parameter", "after"),
        (b"x=1", "unknown_parameter", "x"),
        (b"after=1&x+y=1", "unknown_parameter", "x y"),
        (b"x=1&x=2", "unknown_parameter", "x"),
        (b"=1", "unknown_parameter", ""),
        (b"%ff=1", "unknown_parameter", "\ufffd"),
    ],
)
def test_what_is_refused_of_a_query(query: bytes, code: str, field: str) -> None:
    taken = AcceptedInput(frozenset({b"after", b"before"}), None)
    scope: Any = {"query_string": query, "headers": []}
    with pytest.raises(InvalidRequest) as caught:
        taken.check(scope)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize("query", [b"", b"after=1", b"%61fter=1&before=%26", b"after=1&", b"&after"])
def test_what_is_taken_of_a_query(query: bytes) -> None:
    scope: Any = {"query_string": query, "headers": []}
    AcceptedInput(frozenset({b"after", b"before"}), None).check(scope)


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ((b"content-length", b"0"), True),
        ((b"content-length", b"2"), True),
        ((b"content-length", b"3"), False),
        ((b"content-length", b"many"), False),
        ((b"transfer-encoding", b"chunked"), False),
        ((b"content-type", b"application/json"), True),
    ],
)
def test_a_body_is_told_by_the_headers(header: tuple[bytes, bytes], taken: bool) -> None:
    scope: Any = {"query_string": b"", "headers": [header]}
    AcceptedInput(None, True).check(scope)
    if taken:
        AcceptedInput(None, False).check(scope)
    else:
        with pytest.raises(InvalidRequest, match="takes no body"):
            AcceptedInput(None, False).check(scope)
