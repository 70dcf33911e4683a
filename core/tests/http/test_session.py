"""Signing in and out over HTTP: the cookie, which pages may use it, and two instances on one store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from umbral_chat._core.http.session_cookie import NAME, PREFIX, SessionCookie
from umbral_chat.errors import Forbidden

from .conftest import KEYS, Client, send
from .test_bounds import token

Start = Callable[..., Awaitable[Client]]

SESSION = "/v1/session"
ROOM = "/v1/conversations/room"
OWN = {"origin": "http://127.0.0.1"}
KEY = {"authorization": f"Bearer {KEYS[0]['key']}"}


async def sign_in(client: Client, name: str = "Grace", **headers: str) -> dict[str, str]:
    """The headers of a browser's page that has signed in."""
    answer = await client.post(SESSION, json={"name": name}, headers={**KEY, **OWN, **headers})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].partition(";")[0]
    client.cookies.clear()
    return {**OWN, "cookie": cookie}


@pytest.fixture
async def client(start: Start) -> Client:
    return await start(core__keys=json.dumps(KEYS))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_operator_signs_in_writes_as_an_agent_and_signs_out(client: Client) -> None:
    answer = await client.post(SESSION, json={"name": "Grace"}, headers={**KEY, **OWN})
    cookie = answer.headers["set-cookie"]
    attributes = {part.strip() for part in cookie.split(";")[1:]}
    assert attributes == {"Path=/", "Max-Age=604800", "HttpOnly", "SameSite=Strict"}
    assert "session" in cookie
    assert KEYS[0]["key"] not in cookie
    page = {**OWN, "cookie": cookie.partition(";")[0]}
    shown = answer.json()
    assert (shown["kind"], shown["role"], shown["name"]) == ("session", "agent", "Grace")
    assert not {"admin", "tokens", "metrics"} & set(shown["rights"])
    client.cookies.clear()
    again = (await client.get(SESSION, headers=page)).json()
    assert again == shown

    sent = await client.post(f"{ROOM}/messages", json={"content": "Can I help?"}, headers=page)
    assert sent.json()["entry"]["sender"] == {"role": "agent", "id": shown["subject"], "name": "Grace"}
    taken = await client.post(f"{ROOM}/takeover", json={"assignee": shown["subject"]}, headers=page)
    assert taken.status_code == 200, taken.text
    mine = (await client.get("/v1/conversations", params={"assignee": "me"}, headers=page)).json()["conversations"]
    assert [one["id"] for one in mine] == ["room"]
    assert (await client.get("/v1/conversations/internal:room/messages", headers=page)).status_code == 200
    refused = await client.put("/v1/admin/realtime", json={"enabled": False}, headers=page)
    assert code(refused) == (403, "forbidden")

    out = await client.delete(SESSION, headers=page)
    assert (out.status_code, out.content) == (204, b"")
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert code(await client.get(SESSION, headers=page)) == (401, "session_ended")
    assert code(await client.post(f"{ROOM}/messages", json={"content": "x"}, headers=page)) == (401, "session_ended")


async def test_what_changes_something_needs_our_own_origin(client: Client) -> None:
    page = await sign_in(client)
    cookie = {"cookie": page["cookie"]}
    body = {"content": "x"}
    origins: list[dict[str, str]] = [
        {},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "https://shop.example"},
        {"origin": "null"},
    ]
    for origin in origins:
        answer = await client.post(f"{ROOM}/messages", json=body, headers={**cookie, **origin})
        assert code(answer) == (403, "origin_refused"), origin
        if origin:
            assert code(await client.get(SESSION, headers={**cookie, **origin})) == (403, "origin_refused")
    assert (await client.get(SESSION, headers=cookie)).status_code == 200, "a download, or an address that was typed"
    for site, status in (("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)):
        answer = await client.get(SESSION, headers={**cookie, "sec-fetch-site": site})
        assert answer.status_code == status, site
    assert (await client.post(f"{ROOM}/messages", json=body, headers=page)).status_code == 201


async def test_pages_that_may_call_the_api_may_not_use_a_session(start: Start) -> None:
    shop = "https://shop.example"
    client = await start(core__keys=json.dumps(KEYS), core__cors_origins=json.dumps([shop]))
    page = await sign_in(client)
    answer = await client.get(SESSION, headers={**page, "origin": shop})
    assert code(answer) == (403, "origin_refused")
    assert "access-control-allow-credentials" not in answer.headers


async def test_an_authorization_header_goes_before_the_cookie(client: Client) -> None:
    page = await sign_in(client)
    await send_as_key(client)
    visitor = {**page, **await token(client)}
    answer = await client.post(f"{ROOM}/messages", json={"content": "hi"}, headers=visitor)
    assert answer.json()["entry"]["sender"]["role"] == "user"
    assert code(await client.get(SESSION, headers=visitor)) == (403, "forbidden")
    wrong = {**page, "authorization": "Bearer not-a-key-of-this-service"}
    assert code(await client.get(SESSION, headers=wrong)) == (401, "unauthorized")


async def send_as_key(client: Client) -> None:
    client.headers.update(KEY)
    await send(client, "room", "hello")


async def test_the_credential_is_no_bearer_token(client: Client) -> None:
    page = await sign_in(client)
    credential = page["cookie"].partition("=")[2]
    answer = await client.get(SESSION, headers={"authorization": f"Bearer {credential}"})
    assert code(answer) == (401, "unauthorized")


@pytest.mark.parametrize("cookie", ["", "x", "a" * 76, "a" * 32 + "." + "b" * 43, "ü", '"x"', "=" * 5_000])
async def test_cookies_that_are_no_sessions(client: Client, cookie: str) -> None:
    answer = await client.get(SESSION, headers={b"cookie": f"{NAME}={cookie}".encode("latin-1")})
    assert answer.status_code == 401
    assert cookie == "" or cookie not in answer.text


async def test_who_may_not_sign_in(client: Client) -> None:
    async def refused(key: dict[str, Any] | None, body: Any) -> tuple[int, str]:
        headers = OWN if key is None else {"authorization": f"Bearer {key['key']}"}
        return code(await client.post(SESSION, json=body, headers=headers))

    assert await refused(None, {"name": "Grace"}) == (401, "unauthorized")
    assert await refused(KEYS[2], {"name": "Grace"}) == (403, "forbidden")
    assert await refused(KEYS[0], {}) == (400, "missing_field")
    assert await refused(KEYS[0], {"name": "  "}) == (400, "invalid_field")
    assert code(await client.delete(SESSION, headers=KEY)) == (404, "not_found")
    key = (await client.get(SESSION, headers=KEY)).json()
    assert (key["kind"], key["subject"], key["expires_at"]) == ("key", "n8n", None)
    page = await sign_in(client)
    assert code(await client.post(SESSION, json={"name": "x"}, headers=page)) == (403, "forbidden")


async def test_without_keys_there_is_nothing_to_sign_in_to(start: Start) -> None:
    client = await start()
    local = (await client.get(SESSION, headers=OWN)).json()
    assert (local["kind"], local["subject"], local["expires_at"]) == ("local", "local", None)
    assert code(await client.post(SESSION, json={"name": "Grace"}, headers=OWN)) == (409, "no_sign_in")
    stale = {**OWN, "cookie": f"{NAME}=of-a-service-with-keys"}
    assert (await client.post(f"{ROOM}/messages", json={"content": "x"}, headers=stale)).status_code == 201


async def test_a_session_holds_on_every_instance_and_ends_on_every_instance(start: Start) -> None:
    settings = {"core__keys": json.dumps(KEYS), "realtime__reconcile_interval": "0.2"}
    one, two = await start(**settings), await start(**settings)
    page = await sign_in(one)
    assert (await two.get(SESSION, headers=page)).json()["name"] == "Grace"
    assert (await two.delete(SESSION, headers=page)).status_code == 204
    async with asyncio.timeout(30):
        while (await one.get(SESSION, headers=page)).status_code != 401:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.02)
    without = [key for key in KEYS if key["name"] != "n8n"]
    page = await sign_in(one)
    restarted = await start(core__keys=json.dumps(without))
    assert code(await restarted.get(SESSION, headers=page)) == (401, "session_ended")


async def test_too_many_sign_ins(client: Client) -> None:
    async def attempt() -> httpx.Response:
        return await client.post(SESSION, json={"name": "Grace"}, headers=KEY)

    answer = await attempt()
    for _ in range(100):  # one more is taken every two seconds, which a slow store may need for a few
        if answer.status_code != 201:
            break
        answer = await attempt()
    assert code(answer) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1


# the cookie alone


def scope(host: str = "chat.example.com", method: str = "GET", **headers: str) -> Any:
    given = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "http",
        "method": method,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }


@pytest.mark.parametrize(
    ("host", "public", "secure"),
    [
        ("127.0.0.1:8750", None, False),
        ("localhost:8750", None, False),
        ("[::1]:8750", None, False),
        ("chat.example.com", None, True),
        ("localhost.example.com", None, True),
        ("[broken", None, True),
        ("127.0.0.1:8750", "https://chat.example.com", True),
        ("127.0.0.1:8750", "http://chat.example.com", True),
        ("chat.example.com", "http://localhost:8750", False),
    ],
)
def test_off_loopback_the_cookie_is_secure_and_of_the_host_alone(host: str, public: str | None, secure: bool) -> None:
    cookie = SessionCookie(public)
    asked = scope(host)
    made = cookie.set(asked, "v", 60)
    assert made.startswith(f"{PREFIX}{NAME}=v; Path=/;") == secure
    assert ("; Secure" in made) == secure
    assert "domain" not in made.lower()
    sent = made.partition(";")[0]
    assert cookie.read(scope(host, cookie=f"a=b; {sent}; {NAME}x=1")) == "v"
    if secure:
        assert cookie.read(scope(host, cookie=f"{NAME}=planted")) is None
    assert cookie.clear(asked).startswith(sent[:-1] + ";")


def test_a_page_behind_a_proxy_is_our_own_by_the_public_url() -> None:
    cookie = SessionCookie("https://chat.example.com")
    cookie.check_page(scope("10.0.0.1:8750", "POST", origin="https://chat.example.com"))
    with pytest.raises(Forbidden):
        cookie.check_page(scope("10.0.0.1:8750", "POST", origin="http://chat.example.com:81"))
