"""The form of requests and answers, on every route there is: paths, methods, queries, bodies and headers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from litestar.types import Message
from umbral_chat._core.http.guard import PUBLIC

from .conftest import Client, entries, send
from .test_app import routes
from .test_bad_input import SEND, nothing_written, problem

Start = Callable[..., Awaitable[Client]]
CSP = "content-security-policy"


class Raw:
    """One answer over ASGI, where no client tidies a path or a header up first."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status_code, self.body = status, body
        self.pairs = [(name.decode().lower(), value.decode()) for name, value in headers]
        self.headers = dict(self.pairs)

    def json(self) -> Any:
        return json.loads(self.body)


async def raw(client: Client, method: str, target: str, *headers: tuple[bytes, bytes], body: bytes = b"") -> Raw:
    """Ask for `target` exactly as it is."""
    from urllib.parse import unquote

    path, _, query = target.partition("?")
    length = [(b"content-length", str(len(body)).encode())] if body else []
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *length, *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8750),
    }
    sent: list[Message] = []
    given: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return given.pop() if given else {"type": "http.disconnect"}

    async def collect(message: Message) -> None:
        sent.append(message)

    await client.app(scope, receive, collect)  # type: ignore[arg-type]
    start: Any = sent[0]
    return Raw(start["status"], list(start["headers"]), b"".join(one.get("body", b"") for one in sent[1:]))  # type: ignore[misc]


def url_of(path: str) -> str:
    return path.replace("{conversation:str}", "room").replace("{message_id:str}", "m")


PAGES = ("/", "/inbox", "/c/room")
"""They take any query, which their scripts read."""


def everywhere(client: Client) -> list[tuple[str, str]]:
    return [(method, url_of(path)) for method, path, _ in routes(client)]


ODD_PATHS = [
    ("DELETE", "/v1/conversations//presence", "empty_path_segment"),
    ("DELETE", "/v1/conversations/", "empty_path_segment"),
    ("GET", "/v1/conversations/room/", "empty_path_segment"),
    ("POST", "/v1/conversations//messages", "empty_path_segment"),
    ("PATCH", "/v1/conversations//messages/m", "empty_path_segment"),
    ("GET", "//v1/conversations", "empty_path_segment"),
    ("GET", "///", "empty_path_segment"),
    ("GET", "/health/live/", "empty_path_segment"),
    ("GET", "/schema/", "empty_path_segment"),
    ("DELETE", "/v1/conversations/room%2Fpresence", "invalid_path_segment"),
    ("DELETE", "/v1/conversations/room%2fmessages%2fm", "invalid_path_segment"),
    ("DELETE", "/v1/conversations/room/presence/..", "invalid_path_segment"),
    ("DELETE", "/v1/conversations/./room", "invalid_path_segment"),
    ("DELETE", "/v1/conversations/room/%2e%2E/presence", "invalid_path_segment"),
    ("GET", "/v1/conversations/%ff/messages", "invalid_path_segment"),
]


@pytest.mark.parametrize(("method", "target", "code"), ODD_PATHS)
async def test_no_route_is_reached_by_a_path_of_another_form(
    client: Client, method: str, target: str, code: str
) -> None:
    for name in ("room", "presence", "messages"):
        await send(client, name, "stays")
    for asked in (method, "HEAD", "OPTIONS", "BREW"):
        answer = await raw(client, asked, target)
        assert answer.status_code == 400, (asked, target)
        assert answer.body == b"" if asked == "HEAD" else answer.json()["code"] == code
    for name in ("room", "presence", "messages"):
        assert [entry["content"] for entry in await entries(client, name)] == ["stays"]


async def test_every_route_answers_as_allow_says(client: Client) -> None:
    by_path: dict[str, set[str]] = {}
    for method, path in everywhere(client):
        by_path.setdefault(path, set()).add(method)
    assert len(by_path) > 12
    for path, methods in by_path.items():
        allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        options = await raw(client, "OPTIONS", path)
        assert (options.status_code, options.body) == (204, b"")
        assert set(options.headers["allow"].split(", ")) == allowed
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get", "PROPFIND"):
            answer = await raw(client, method, path)
            if method in allowed:
                assert answer.status_code != 405, (method, path)
            else:
                assert answer.status_code == 405, (method, path)
                assert set(answer.headers["allow"].split(", ")) == allowed
                if method != "HEAD":
                    assert answer.json()["code"] == "method_not_allowed"
    assert (await raw(client, "BREW", "/v2/nothing")).json()["code"] == "route_not_found"
    assert (await raw(client, "OPTIONS", "/v2/nothing")).status_code == 404


async def test_head_is_get_without_the_body(client: Client) -> None:
    await send(client, "room", "x")
    for method, path in everywhere(client):
        if method != "GET":
            continue
        got, head = await raw(client, "GET", path), await raw(client, "HEAD", path)
        assert (head.status_code, head.body) == (got.status_code, b""), path
        assert head.headers.keys() == got.headers.keys()
        assert head.headers["content-type"] == got.headers["content-type"]


@pytest.fixture
async def with_origin(start: Start) -> Client:
    """A service that a page may call."""
    return await start(core__cors_origins='["https://shop.example"]')


async def test_every_answer_is_told_to_browsers_to_be_left_alone(with_origin: Client) -> None:
    client = with_origin
    await send(client, "room", "x")
    page = (b"origin", b"https://shop.example")
    asks: list[tuple[str, str, list[tuple[bytes, bytes]]]] = [
        *((method, path, []) for method, path in everywhere(client)),
        *(("OPTIONS", path, []) for _, path in everywhere(client)),
        ("OPTIONS", SEND, [page, (b"access-control-request-method", b"POST")]),
        ("OPTIONS", SEND, [(b"origin", b"https://evil.example"), (b"access-control-request-method", b"POST")]),
        ("GET", "/v2/nothing", []),
        ("BREW", SEND, []),
        ("GET", "/v1/conversations//", [page]),
        ("GET", "/v1/status", [(b"host", b"evil.example")]),
        ("GET", "/v1/conversations/room/transcript?format=text", []),
        ("GET", "/v1/conversations/room/transcript?format=markdown", []),
    ]
    for method, path, headers in asks:
        answer = await raw(client, method, path, *headers)
        assert answer.headers["x-content-type-options"] == "nosniff", (method, path)
        # The front page shows the inbox beside two visitors.
        framed = (method, path) == ("GET", "/inbox")
        assert answer.headers["x-frame-options"] == ("SAMEORIGIN" if framed else "DENY")
        assert "default-src 'none'" in answer.headers[CSP]
        assert ("frame-ancestors 'self'" if framed else "frame-ancestors 'none'") in answer.headers[CSP]
        names = [name for name, _ in answer.pairs]
        assert len(names) == len(set(names)), (method, path, names)
        assert answer.headers.get("content-type", "").count("charset") <= 1, (method, path)
    refused = await raw(client, "GET", "/v1/conversations//", page)
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"


async def test_what_goes_wrong_inside_is_told_so_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(client.app.state.services.chat, "send", broken)
    answer = await client.post(SEND, json={"content": "x"})
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (500, "nosniff")


async def test_the_page_of_the_api_loads_nothing_and_runs_nothing(client: Client) -> None:
    page = await client.get("/schema")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for sign in ("<script", "http:", "https:", "//", "src=", "@import", "url(", "onload"):
        assert sign not in page.text, sign
    assert "script-src" not in page.headers[CSP]
    schema = (await client.get("/schema/openapi.json")).json()
    for path, item in schema["paths"].items():
        for method in item:
            assert f"{method.upper()} {path}" in page.text
    for name in schema["components"]["schemas"]:
        assert f'<h3 id="{name.lower()}">' in page.text


async def test_unknown_and_repeated_parameters_are_refused_on_every_route(keyed: Client) -> None:
    await send(keyed, "room", "x")
    for method, path in everywhere(keyed):
        if path in PAGES:
            continue
        found = problem(await keyed.request(method, f"{path}?befor=1"), 400, "unknown_parameter", "befor")
        assert "There is no parameter 'befor'" in found["detail"]
        problem(await keyed.request(method, f"{path}?%C3%A4=1"), 400, "unknown_parameter", "ä")
    schema = (await keyed.get("/schema/openapi.json")).json()
    repeated = 0
    for path, item in schema["paths"].items():
        url = path.replace("{conversation}", "room").replace("{message_id}", "m")
        for method, operation in item.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    name = parameter["name"]
                    for query in (f"{name}=1&{name}=1", f"{name}=1&%{ord(name[0]):02x}{name[1:]}=1"):
                        answer = await keyed.request(method, f"{url}?{query}")
                        problem(answer, 400, "duplicate_parameter", name)
                    repeated += 1
    assert repeated >= 14
    assert [entry["content"] for entry in await entries(keyed, "room")] == ["x"]


async def test_who_may_not_learns_nothing_of_parameters(keyed: Client) -> None:
    del keyed.headers["authorization"]
    for method, path, right in routes(keyed):
        if right != PUBLIC:
            assert (await keyed.request(method, f"{url_of(path)}?x=1")).status_code == 401


async def test_the_inbox_cannot_be_asked_after_something(client: Client) -> None:
    problem(await client.get("/v1/conversations?after=abc"), 400, "unknown_parameter", "after")


BODY = b'{"content": "x"}'
NO_JSON = [
    (b"\xef\xbb\xbf" + BODY, 415, "unsupported_encoding", "byte order mark"),
    (BODY.decode().encode("utf-16"), 415, "unsupported_encoding", "byte order mark"),
    (BODY.decode().encode("utf-16-le"), 415, "unsupported_encoding", "UTF-16"),
    (BODY.decode().encode("utf-32-le"), 415, "unsupported_encoding", "UTF-32"),
    (gzip.compress(BODY), 415, "unsupported_encoding", "compressed"),
    (b"content=x&sender=user", 415, "unsupported_media_type", "form"),
    (b"content=", 415, "unsupported_media_type", "form"),
    (b'--b\r\ncontent-disposition: form-data; name="content"\r\n\r\nx\r\n--b--', 415, "unsupported_media_type", "form"),
    (b"<content>x</content>", 415, "unsupported_media_type", "XML"),
    (b"", 400, "missing_body", "missing"),
    (b" \n", 400, "missing_body", "missing"),
    (b"{'content': 'x'}", 400, "invalid_json", "JSON"),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "word"), NO_JSON, ids=[f"{n}-{one[2]}" for n, one in enumerate(NO_JSON)]
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", None])
async def test_a_body_that_is_no_json_is_told_what_it_is(
    client: Client, body: bytes, status: int, code: str, word: str, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    schema = (await client.get("/schema/openapi.json")).json()
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if "requestBody" not in operation or operation["tags"] == ["n8n"]:
                continue  # n8n's widgets show no problem details: that route's own tests have its form
            if not operation["requestBody"]["required"] and not body:
                continue
            url = path.replace("{conversation}", "room").replace("{message_id}", "m")
            answer = await client.request(method, url, content=body, headers=headers)
            problem(answer, status, code, "body")
            assert word in answer.json()["detail"]
    await nothing_written(client)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
async def test_a_body_of_json_is_taken_whatever_its_type_is_called(client: Client, kind: str) -> None:
    # What `curl -d` sends without another word.
    headers = {"content-type": kind}
    assert (await client.post(SEND, content=BODY, headers=headers)).status_code == 201
    assert (await client.post("/v1/conversations", content=b'{"id": "b"}', headers=headers)).status_code == 201
    changed = await client.patch("/v1/conversations/b", content=b' {"title": "t"}', headers=headers)
    assert changed.json()["title"] == "t"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "GZIP"])
async def test_a_content_encoding_is_refused(client: Client, encoding: str) -> None:
    headers = {"content-encoding": encoding}
    for method, path in (("POST", SEND), ("POST", "/v1/conversations"), ("PUT", "/v1/conversations/room/presence")):
        answer = await client.request(method, path, content=gzip.compress(BODY), headers=headers)
        problem(answer, 415, "unsupported_encoding", "content-encoding")
    await nothing_written(client)
    assert (await client.post(SEND, content=BODY, headers={"content-encoding": "identity"})).status_code == 201


async def test_a_body_where_none_is_taken_is_refused_and_one_that_says_nothing_is_not(client: Client) -> None:
    await send(client, "room", "x", message_id="m")
    schema = (await client.get("/schema/openapi.json")).json()
    bodiless = [
        (method, url_of(path))
        for method, path, _ in routes(client)
        if "requestBody" not in schema["paths"].get(path.replace(":str", ""), {}).get(method.lower(), {})
    ]
    assert len(bodiless) >= 10
    for method, path in bodiless:
        answer = await client.request(method, path, content=b'{"limit": 5}')
        problem(answer, 400, "unexpected_body", "body")
    connected = await client.post("/v1/conversations/room/connect", json={})
    assert connected.status_code == 200
    assert (await client.get("/v1/conversations", headers={"content-length": "0"})).status_code == 200


async def test_the_idempotency_key_is_the_same_text_in_the_header_and_the_body(client: Client) -> None:
    key = "Schlüssel-ключ-鍵"
    writes: list[tuple[str, str, dict[str, str]]] = [
        ("POST", SEND, {"content": "x"}),
        ("PATCH", "/v1/conversations/room", {"title": "x"}),
        ("POST", "/v1/conversations", {"id": "room", "title": "y"}),
    ]
    for method, path, body in writes:
        header = {b"idempotency-key": f"{path}-{key}".encode()}
        first = await client.request(method, path, json=body, headers=header)
        again = await client.request(method, path, json=body | {"client_id": f"{path}-{key}"})
        both = await client.request(method, path, json=body | {"client_id": f"{path}-{key}"}, headers=header)
        assert {first.status_code, again.status_code, both.status_code} <= {200, 201}, both.text
    log = await entries(client, "room")
    assert [entry["client_id"] for entry in log] == [
        f"{SEND}-{key}",
        f"/v1/conversations/room-{key}",
        f"/v1/conversations-{key}",
    ]
    message = log[0]["message_id"]
    for method, changed in (("PATCH", {"content": "z"}), ("DELETE", None)):
        header = {b"idempotency-key": f"{method}-{key}".encode()}
        for _ in range(2):
            answer = await client.request(method, f"{SEND}/{message}", headers=header, json=changed)
            assert answer.status_code == 200, answer.text
    assert len(await entries(client, "room")) == 5


@pytest.mark.parametrize("value", [b"Schl\xfcssel", b"\xff\xfe", b"\xc3"])
async def test_an_idempotency_key_that_is_no_utf8_is_refused(client: Client, value: bytes) -> None:
    for method, path in (
        ("POST", SEND),
        ("POST", "/v1/conversations"),
        ("PATCH", "/v1/conversations/room"),
        ("PATCH", f"{SEND}/m"),
        ("DELETE", f"{SEND}/m"),
    ):
        body = b"" if method == "DELETE" else BODY if "messages" in path else b'{"title": "x"}'
        answer = await raw(client, method, path, (b"idempotency-key", value), body=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_encoding"), (method, path)
        assert answer.json()["field"] == "idempotency-key"
        twice = [(b"idempotency-key", b"a"), (b"idempotency-key", b"b")]
        assert (await raw(client, method, path, *twice, body=body)).json()["code"] == "duplicate_header"
    await nothing_written(client)
