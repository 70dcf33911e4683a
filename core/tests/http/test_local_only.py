"""Without keys: programs of this machine and pages of this service alone get in, on every kind of route."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from umbral_chat._core.http.guard import PUBLIC
from umbral_chat._core.http.local_only import PROXY_HEADERS, PROXY_PREFIXES, check_local
from umbral_chat.errors import Forbidden

from .conftest import KEYS, Client
from .test_app import routes

Start = Callable[..., Awaitable[Client]]

OWN = b"localhost:8750"

PROXIES = {
    "Caddy": {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "chat.example", "X-Forwarded-Proto": "https"},
    "Traefik": {"X-Forwarded-Server": "gate", "X-Real-Ip": "203.0.113.7"},
    "Apache": {"X-Forwarded-Server": "chat.example"},
    "Varnish": {"Via": "1.1 varnish (Varnish/7.4)"},
    "RFC 7239": {"Forwarded": "for=203.0.113.7;proto=https"},
    "Cloudflare": {"CF-Connecting-IP": "203.0.113.7", "CDN-Loop": "cloudflare; loops=1"},
    "Akamai": {"True-Client-IP": "203.0.113.7"},
    "Fly.io": {"Fly-Client-IP": "203.0.113.7"},
    "ingress-nginx": {"X-Original-Forwarded-For": "203.0.113.7", "X-Scheme": "https"},
    "IIS": {"X-Original-URL": "/v1/status", "X-ARR-LOG-ID": "1"},
    "tailscale serve": {"Tailscale-User-Login": "visitor@example.com"},
}


@pytest.mark.parametrize("headers", PROXIES.values(), ids=PROXIES)
async def test_without_keys_nobody_is_let_in_through_a_proxy(client: Client, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        answer = await client.get("/v1/status", headers={name: value})
        assert (answer.status_code, answer.json()["code"]) == (403, "behind_proxy"), name
        assert name.lower() in answer.json()["detail"]
        assert "core.keys" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Via": "1.1 gate"}, "behind_proxy"), ({"Sec-Fetch-Site": "cross-site"}, "foreign_origin")],
    ids=["proxy", "page"],
)
async def test_no_route_is_an_exception(client: Client, headers: dict[str, str], code: str) -> None:
    asked = [one for one in routes(client) if one[2] != PUBLIC]
    assert len(asked) > 20
    for method, path, _ in asked:
        url = path.replace("{conversation:str}", "room").replace("{message_id:str}", "m")
        answer = await client.request(method, url, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code), (method, url)


async def test_a_proxy_is_welcome_where_callers_have_credentials(start: Start) -> None:
    client = await start(core__keys=json.dumps(KEYS))
    through = {"X-Forwarded-For": "203.0.113.7", "Via": "1.1 gate", "Sec-Fetch-Site": "cross-site"}
    asked = await client.get("/v1/status", headers={**through, "Authorization": f"Bearer {KEYS[0]['key']}"})
    assert asked.status_code == 200
    assert (await client.get("/health/live", headers=through)).status_code == 200


async def test_without_keys_a_token_is_judged_by_itself(client: Client) -> None:
    body = {"conversation": "room", "subject": "visitor-7"}
    token = (await client.post("/v1/tokens", json=body)).json()["token"]
    through = {"X-Forwarded-For": "203.0.113.7", "Authorization": f"Bearer {token}"}
    assert (await client.get("/v1/conversations/room", headers=through)).status_code == 200
    refused = await client.get("/v1/status", headers=through)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def check(*headers: tuple[bytes, bytes], origins: frozenset[str] = frozenset(), version: str = "1.1") -> str | None:
    """The code of the refusal, None: it passes."""
    try:
        check_local([(b"host", OWN), *headers], http_version=version, origins=origins)
    except Forbidden as error:
        return error.code
    return None


def test_every_header_of_the_list_is_refused() -> None:
    for name in PROXY_HEADERS:
        assert check((name, b"x")) == "behind_proxy", name
    for prefix in PROXY_PREFIXES:
        assert check((prefix + b"for", b"x")) == "behind_proxy", prefix
        assert check((prefix.replace(b"-", b"_") + b"for", b"x")) == "behind_proxy", prefix
    assert check((b"x_forwarded_for", b"x")) == check((b"remote_addr", b"x")) == "behind_proxy"
    for name in (b"user-agent", b"x-request-id", b"traceparent", b"idempotency-key", b"cache-control"):
        assert check((name, b"x")) is None, name


def test_nginx_before_1_29_7_is_known_by_its_protocol() -> None:
    assert check((b"connection", b"close"), version="1.0") == "behind_proxy"
    assert check((b"connection", b"close")) is None


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example",
        b"http://localhost:3000",
        b"http://127.0.0.1:8750",  # this service, but by another name than it was asked by: another origin
        b"http://localhost",
        b"http://localhost:8750.evil.example",
        b"null",
        b"",
        b"file://",
        b"chrome-extension://abc",
    ],
)
def test_a_page_of_another_origin_is_refused(origin: bytes) -> None:
    assert check((b"origin", origin)) == "foreign_origin"
    # Whatever the browser says besides.
    assert check((b"origin", origin), (b"sec-fetch-site", b"same-origin")) == "foreign_origin"


def test_a_page_of_this_service_and_one_that_is_listed_get_in() -> None:
    assert check((b"origin", b"http://localhost:8750")) is None
    assert check((b"origin", b"http://LOCALHOST:8750")) is None
    listed = frozenset({"http://localhost:3000", "https://shop.example"})
    for site in (b"same-site", b"cross-site"):
        assert check((b"origin", b"http://localhost:3000"), (b"sec-fetch-site", site), origins=listed) is None
    assert check((b"origin", b"https://shop.example"), origins=listed) is None
    assert check((b"origin", b"http://localhost:3001"), origins=listed) == "foreign_origin"
    # Anybody's page would be its administrator.
    assert check((b"origin", b"https://evil.example"), origins=frozenset({"*"})) == "foreign_origin"


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"Cross-Site", b"something-new"])
def test_a_request_without_origin_is_judged_by_where_it_comes_from(site: bytes) -> None:
    assert check((b"sec-fetch-site", site)) == "foreign_origin"
    assert check((b"sec-fetch-site", b"none")) is None
    assert check((b"sec-fetch-site", b"same-origin")) is None


def test_an_old_browser_is_judged_by_its_referer() -> None:
    assert check((b"referer", b"https://evil.example/page")) == "foreign_origin"
    assert check((b"referer", b"http://localhost:8750/schema")) is None
    assert check() is None


def test_only_loopback_names_are_answered() -> None:
    for host in (b"evil.example", b"localhost.evil.example", b"[::1", b"0.0.0.0:8750", b""):
        with pytest.raises(Forbidden, match="loopback name"):
            check_local([(b"host", host)], http_version="1.1", origins=frozenset())
