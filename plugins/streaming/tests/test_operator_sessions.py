"""Streams and sockets that an operator's session opens: by its cookie, from our own pages, until the session ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from .live import Live
from .test_tickets import KEY, KEYS
from .ws.rig import KEY as SOCKET_KEY
from .ws.rig import Socket, served

Start = Callable[..., Awaitable[Live]]

SESSION = "/v1/session"


async def sign_in(client: httpx.AsyncClient, url: str, key: dict[str, str]) -> dict[str, str]:
    """The headers of a page of the service whose operator has signed in."""
    answer = await client.post(SESSION, json={"name": "Grace"}, headers=key)
    assert answer.status_code == 201, answer.text
    client.cookies.clear()
    return {"Origin": url, "Cookie": answer.headers["set-cookie"].partition(";")[0]}


async def test_a_stream_is_opened_by_the_cookie_and_ends_with_the_session(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS, REALTIME__RECONCILE_INTERVAL="0.2")
    other = await start(CORE__KEYS=KEYS, REALTIME__RECONCILE_INTERVAL="0.2")
    page = await sign_in(service.client, service.url, KEY)
    await service.client.post("/v1/conversations/room/messages", headers=KEY, json={"content": "hello"})
    problem = await service.refused(headers={**page, "Origin": "http://127.0.0.1:1"})
    assert problem["code"] == "origin_refused"
    problem = await service.refused()
    assert problem["code"] == "unauthorized"
    async with service.stream(headers=page) as stream:
        assert await stream.entries(1) == ["hello"]
        out = await other.client.delete(SESSION, headers={**page, "Origin": other.url})
        assert out.status_code == 204
        assert (await stream.closed())["code"] == "unauthorized"


async def test_a_ticket_of_a_session_ends_with_it(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS, REALTIME__RECONCILE_INTERVAL="0.2")
    page = await sign_in(service.client, service.url, KEY)
    answer = await service.client.post("/v1/conversations/room/tickets", headers=page)
    assert answer.status_code == 201, answer.text
    await service.client.delete(SESSION, headers=page)
    problem = await service.refused(params={"ticket": answer.json()["ticket"]})
    assert problem["code"] == "session_ended"


async def test_a_socket_is_opened_by_the_cookie_and_its_subscriptions_end_with_the_session(tmp_path: Path) -> None:
    async with served(tmp_path, key=SOCKET_KEY) as service:
        url = f"http://127.0.0.1:{service.port}"
        page = await sign_in(service.http, url, {})
        await service.say("hello")
        async with service.socket(additional_headers={"Cookie": page["Cookie"]}, origin=url) as socket:
            await socket.ask(type="subscribe", conversation="room")
            assert await socket.entries(1) == [1]
            sent = await socket.ask(type="send", conversation="room", content="Can I help?")
            assert sent["result"]["entry"]["sender"]["role"] == "agent"
            del service.http.headers["authorization"]
            assert (await service.http.delete(SESSION, headers=page)).status_code == 204
            ended = await socket.until("status", conversation="room")
            while ended["status"]["state"] == "open":
                ended = await socket.until("status", conversation="room")
            assert ended["status"]["code"] == "unauthorized"
            refused = await socket.ask(type="send", conversation="room", content="x")
            assert refused["error"]["code"] == "session_ended"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:1", None])
async def test_a_socket_of_another_page_needs_a_token(tmp_path: Path, origin: str | None) -> None:
    async with served(tmp_path, key=SOCKET_KEY, core__cors_origins='["http://127.0.0.1:1"]') as service:
        url = f"http://127.0.0.1:{service.port}"
        page = await sign_in(service.http, url, {})
        headers = {"Cookie": page["Cookie"]}
        async with service.connect(additional_headers=headers, origin=origin) as connection:
            socket = Socket(connection)
            await socket.send(type="auth")
            last, _ = await socket.end()
            assert last is not None
            assert last["status"]["code"] == "unauthorized"
        token = await service.token()
        async with service.socket(token, additional_headers=headers, origin=origin):
            pass
