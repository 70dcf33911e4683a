"""How handshakes are refused and sockets end: each with its code, and with whether to come back."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from umbral_chat._core.auth.tokens import TokenIssuer
from umbral_chat._core.settings.secret import Secret
from umbral_chat_streaming.ws import socket as socket_module
from websockets.exceptions import InvalidStatus

from .rig import KEY, Frame, Served, Socket, served

SECRET = "0123456789abcdef0123456789abcdef"

OWN = "http://127.0.0.1:{port}"


async def refused(service: Served, path: str = "/v1/ws", **headers: str) -> dict[str, Any]:
    """The problem that answers a handshake."""
    from websockets.asyncio.client import connect

    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"ws://127.0.0.1:{service.port}{path}", proxy=None, additional_headers=headers):
            pass
    response = caught.value.response
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    found: dict[str, Any] = json.loads(response.body or b"")
    assert found["status"] == response.status_code
    return found


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/", 404, "route_not_found"),
        ("/v1/wss", 404, "route_not_found"),
        ("/v1/conversations/room/messages", 404, "route_not_found"),
        ("/v1/ws/", 400, "empty_path_segment"),
        ("/v1//ws", 400, "empty_path_segment"),
        ("/v1/%2e%2e/ws", 400, "invalid_path_segment"),
        ("/v1/ws%00", 404, "route_not_found"),
        ("/v1/ws?token=x", 400, "unknown_parameter"),
    ],
)
async def test_handshakes_elsewhere_are_refused(tmp_path: Path, path: str, status: int, code: str) -> None:
    async with served(tmp_path, key=KEY) as service:
        problem = await refused(service, path)
        assert (problem["status"], problem["code"]) == (status, code)


async def test_a_plain_request_is_asked_to_upgrade(tmp_path: Path) -> None:
    async with served(tmp_path, key=KEY) as service:
        answer = await service.http.get("/v1/ws")
        assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
        assert answer.headers["upgrade"] == "websocket"
        document = (await service.http.get("/schema/openapi.json")).json()
        assert "426" in document["paths"]["/v1/ws"]["get"]["responses"]


@pytest.mark.parametrize("key", [KEY, None], ids=["keys", "keyless"])
async def test_pages_of_other_origins_are_refused_with_and_without_keys(tmp_path: Path, key: str | None) -> None:
    async with served(tmp_path, key=key, core__cors_origins='["https://shop.example.com"]') as service:
        for origin in ("https://evil.example.com", "null", "http://127.0.0.1:1", "https://shop.example.com.evil.io"):
            problem = await refused(service, Origin=origin)
            assert (problem["status"], problem["code"]) == (403, "origin_refused")
        for origin in ("https://shop.example.com", OWN.format(port=service.port)):
            async with service.socket(key, additional_headers={"Origin": origin}) as socket:
                assert await socket.ask(type="ping") == {"type": "pong", "id": "1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"Host": "evil.example.com"},
        {"Host": "evil.example.com", "Origin": "http://evil.example.com"},  # DNS rebinding
    ],
)
async def test_without_keys_only_programs_of_this_machine_are_served(tmp_path: Path, headers: dict[str, str]) -> None:
    async with served(tmp_path) as service:
        token = await service.token()
        own = headers.get("Host")
        options: dict[str, Any] = {"additional_headers": {k: v for k, v in headers.items() if k != "Host"}}
        if own is not None:
            options |= {"host": "127.0.0.1", "port": service.port}
        uri = f"ws://{own or f'127.0.0.1:{service.port}'}/v1/ws"
        from websockets.asyncio.client import connect

        async with connect(uri, proxy=None, **options) as connection:
            socket = Socket(connection)
            await socket.send(type="auth")
            last, code = await socket.end()
            assert code == 4403
            assert last is not None
            assert (last["status"]["code"], last["status"]["reconnect"]) == ("forbidden", "never")
        async with connect(uri, proxy=None, **options) as connection:  # a visitor with a token comes through
            socket = Socket(connection)
            await socket.send(type="auth", token=token)
            assert (await socket.next())["type"] == "ready"


async def ends(service: Served, token: str | None = KEY) -> tuple[Frame | None, int]:
    async with service.connect() as connection:
        socket = Socket(connection)
        await socket.send(type="auth", token=token)
        return await socket.end()


def status(last: Frame | None) -> tuple[str, str]:
    assert last is not None
    assert last["type"] == "status"
    assert "conversation" not in last
    assert last["status"]["state"] == "closed"
    return last["status"]["code"], last["status"]["reconnect"]


async def test_credentials_that_are_not_valid_end_the_socket(tmp_path: Path) -> None:
    async with served(tmp_path, key=KEY, core__token_secrets=json.dumps([SECRET])) as service:
        for token, code in (("nonsense", "unauthorized"), (None, "unauthorized"), (expiring(-10), "token_expired")):
            last, closed = await ends(service, token)
            assert status(last) == (code, "renew")
            assert closed == 4401
        async with service.connect() as connection:
            await connection.send(json.dumps({"type": "ping"}))
            last, closed = await Socket(connection).end()
            assert (status(last), closed) == (("unauthorized", "renew"), 4401)


async def test_a_client_that_does_not_say_who_it_is_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "AUTH_TIMEOUT", 0.2)
    async with served(tmp_path, key=KEY) as service, service.connect() as connection:
        last, closed = await Socket(connection).end()
        assert (status(last), closed) == (("auth_timeout", "now"), 4408)
    assert service.services.feeds.readers.count == 0


def expiring(seconds: float) -> str:
    """A token that expires in so many seconds."""
    then = datetime.now(UTC) + timedelta(seconds=seconds - 100)
    issuer = TokenIssuer([Secret(SECRET)], cast("Any", SimpleNamespace(now=lambda: then)))
    return issuer.issue("room", None, "ada", None, "user", ["read", "send"], 100)[0]


async def test_a_socket_ends_when_its_token_expires_and_lives_on_when_it_is_renewed(tmp_path: Path) -> None:
    async with (
        served(tmp_path, key=KEY, core__token_secrets=json.dumps([SECRET])) as service,
        service.socket(expiring(4)) as leaves,
        service.socket(expiring(4)) as stays,
    ):
        for one in (leaves, stays):
            await one.ask(type="subscribe", conversation="room")
        await stays.ask(type="renew", token=expiring(60))
        last, closed = await leaves.end()
        assert (status(last), closed) == (("token_expired", "renew"), 4401)
        await service.say("later")
        assert await stays.entries(1) == [1]
        await asyncio.sleep(1.2)  # past the check of its subscription's rights
        await service.say("and later")
        assert await stays.entries(1) == [2]


async def test_a_drain_ends_every_socket_at_a_moment_of_its_own(tmp_path: Path) -> None:
    async with served(tmp_path, key=KEY) as service:
        async with service.socket(KEY) as one, service.socket(KEY) as two, service.socket(KEY) as three:
            await one.ask(type="subscribe", conversation="a")
            await one.ask(type="subscribe", conversation="b")
            service.services.lifecycle.drain()
            waits = set()
            for socket in (one, two, three):
                last, closed = await socket.end()
                assert (status(last), closed) == (("draining", "now"), 4001)
                assert last is not None
                assert 0 <= last["status"]["retry_ms"] <= 5000
                waits.add(last["status"]["retry_ms"])
            assert len(waits) > 1
        assert (await refused(service))["code"] == "draining"


async def test_the_operators_toggle_sends_clients_to_polling(tmp_path: Path) -> None:
    async with served(tmp_path, key=KEY) as service:
        async with service.socket(KEY) as one, service.socket(KEY) as two:
            await one.ask(type="subscribe", conversation="a")
            assert (await service.http.put("/v1/admin/realtime", json={"enabled": False})).status_code == 200
            for socket in (one, two):
                last, closed = await socket.end()
                assert (status(last), closed) == (("realtime_off", "poll"), 4409)
        last, closed = await ends(service)
        assert (status(last), closed) == (("realtime_off", "poll"), 4409)


async def test_a_deleted_conversation_ends_its_subscription_alone(tmp_path: Path) -> None:
    async with served(tmp_path, key=KEY) as service:
        await service.say("first")
        token = await service.token()
        async with service.socket(KEY) as key, service.socket(token) as visitor:
            for socket in (key, visitor):
                await socket.ask(type="subscribe", conversation="room")
            await key.ask(type="subscribe", conversation="other")
            assert (await service.http.delete("/v1/conversations/room")).status_code < 300
            for socket in (key, visitor):
                while True:
                    found = await socket.until("status", conversation="room")
                    if found["status"]["state"] == "closed":
                        break
                assert (found["status"]["code"], found["status"]["reconnect"]) == ("conversation_deleted", "never")
            answer = await visitor.ask(type="send", conversation="room", content="x")
            assert (answer["error"]["status"], answer["error"]["code"]) == (410, "conversation_deleted")
            assert (await key.ask(type="subscribe", conversation="room"))["error"]["code"] == "conversation_deleted"
            await service.say("goes on", "other")
            assert (await key.until("entry"))["conversation"] == "other"


async def test_a_connection_that_lived_long_enough_comes_back(tmp_path: Path) -> None:
    async with (
        served(tmp_path, key=KEY, streaming__connection_lifetime="0.5") as service,
        service.socket(KEY) as socket,
    ):
        last, closed = await socket.end()
        assert (status(last), closed) == (("rebalance", "now"), 4003)


async def test_sockets_of_one_visitor_are_bounded(tmp_path: Path) -> None:
    async with served(tmp_path, key=KEY, core__limits__readers_per_principal="2") as service:
        token = await service.token()
        async with service.socket(token), service.socket(token):
            last, closed = await ends(service, token)
            assert (status(last), closed) == (("too_many_own_readers", "now"), 4429)
        await service.until(lambda: service.services.feeds.readers.count == 0)
        async with service.socket(token):
            pass
