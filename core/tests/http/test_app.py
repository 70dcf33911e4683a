"""The app around the routes: who gets in, what the document says, and what operators see."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from litestar import Litestar, asgi
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send
from umbral_chat import SendBody
from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat._core.http import parameters
from umbral_chat._core.http.guard import PUBLIC, check_rights
from umbral_chat._core.http.openapi import documented
from umbral_chat.errors import PluginError

from tests.stores import on_supabase, store_name

from .conftest import KEYS, Client, send

Start = Callable[..., Awaitable[Client]]


def routes(client: Client) -> list[tuple[str, str, str]]:
    """(method, path, right) of every route of the app."""
    found = []
    every: list[Any] = list(client.app.routes)
    for route in every:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:
            right = handler.opt.get("right")
            if not isinstance(right, dict):
                right = dict.fromkeys(getattr(handler, "http_methods", ["GET"]), right)
            found += [(method, route.path, needed) for method, needed in right.items() if method != "OPTIONS"]
    return found


async def test_every_route_names_a_right_that_exists(client: Client) -> None:
    found = routes(client)
    assert len(found) > 20
    assert {right for _, _, right in found} <= {PUBLIC, *ALL_RIGHTS}


async def test_every_route_but_the_public_ones_refuses_a_caller_without_credentials(keyed: Client) -> None:
    del keyed.headers["authorization"]
    for method, path, right in routes(keyed):
        url = path.replace("{conversation:str}", "room").replace("{message_id:str}", "m")
        url = url.replace("{file:path}", "umbral-chat.js")
        answer = await keyed.request(method, url)
        if right == PUBLIC:
            # Who comes to the WebSocket says who it is in a frame; of n8n's chats there is none of that name.
            expected = {"/v1/ws": 426, "/n8n/{chat:str}/chat": 404}.get(path, 200)
            assert answer.status_code == expected, (method, url)
        else:
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (method, url)


def test_a_route_without_a_right_does_not_start() -> None:
    @asgi("/open", copy_scope=False)
    async def handler(scope: Scope, receive: Receive, send: Send) -> None: ...

    with pytest.raises(PluginError, match="names no right"):
        check_rights([handler])


async def test_the_document_has_every_route_the_hot_ones_included(client: Client) -> None:
    schema = (await client.get("/schema/openapi.json")).json()
    for method, path, _ in routes(client):
        if path in {"/", "/inbox"} or path.startswith(
            ("/schema", "/web/", "/c/")
        ):  # files and pages, which are no operations
            continue
        plain = path.replace(":str", "")
        assert method.lower() in schema["paths"][plain], (method, plain)
    send_operation = schema["paths"]["/v1/conversations/{conversation}/messages"]["post"]
    assert send_operation["x-right"] == "send"
    assert "201" in send_operation["responses"]
    assert send_operation["requestBody"]
    body = schema["components"]["schemas"]["SendBody"]
    assert set(body["properties"]) == set(SendBody.__struct_fields__)
    assert "metadata.attachments" in str(body["properties"]["content"]), "without which it is needed"
    assert (await client.get("/schema")).headers["content-type"].startswith("text/html")


async def test_hot_handlers_name_what_documents_them(client: Client) -> None:
    hot = [route.route_handler for route in client.app.routes if hasattr(route, "route_handler")]
    assert len(hot) >= 2
    for handler in hot:
        assert len(list(documented([handler]))) >= 1
        assert handler.opt["documented_by"]


def test_litestar_still_needs_help_with_the_parameters_of_asgi_routes() -> None:
    @asgi("/rooms/{room:str}", copy_scope=False)
    async def room(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path_params"]["room"].encode(), "more_body": False})

    app = Litestar([room], openapi_config=None, logging_config=None)
    with TestClient(app, raise_server_exceptions=False) as client:
        # When this fails, Litestar does it by itself: remove `parameters`.
        assert client.get("/rooms/a").status_code == 500
    completed = Litestar([room], openapi_config=None, logging_config=None)
    parameters.complete(completed)
    with TestClient(completed) as client:
        assert client.get("/rooms/a").text == "a"


async def test_without_keys_a_foreign_page_is_refused(client: Client) -> None:
    foreign = await client.get("/v1/status", headers={"origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    rebound = await client.get("/v1/status", headers={"host": "evil.example"})
    assert (rebound.status_code, rebound.json()["code"]) == (403, "not_loopback")
    other_port = await client.get("/v1/status", headers={"origin": "http://localhost:3000"})
    assert (other_port.status_code, other_port.json()["code"]) == (403, "foreign_origin")
    assert (await client.get("/v1/status", headers={"origin": "http://127.0.0.1"})).status_code == 200


async def test_cors_for_named_origins_only(start: Start) -> None:
    client = await start(core__cors_origins=json.dumps(["https://shop.example"]), core__keys=json.dumps(KEYS))
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    path = "/v1/conversations/room/messages"
    good = await client.options(path, headers={"origin": "https://shop.example", **asked})
    assert good.headers["access-control-allow-origin"] == "https://shop.example"
    bad = await client.options(path, headers={"origin": "https://evil.example", **asked})
    assert bad.headers.get("access-control-allow-origin") != "https://evil.example"


async def test_status_shows_the_service_as_it_is(client: Client) -> None:
    await send(client, "room", "x")
    status = (await client.get("/v1/status")).json()
    assert (status["history"], status["realtime"]) == (store_name(), {"enabled": True})
    # Supabase's own transport stands before it, and may be live already.
    assert status["mode"] in ({"polling", "live"} if on_supabase() else {"polling"})
    assert status["transports"][-1]["name"] == "polling"
    # Whatever else is installed beside it.
    assert "polling" in [one["name"] for one in status["plugins"]]
    assert status["counters"]["umbral_chat.sends"] == 1
    assert not any(line.startswith("presence") for line in status["missing"])


async def test_without_presence_status_says_so(start: Start) -> None:
    client = await start(core__disabled_plugins='["presence"]')
    await send(client, "room", "x")
    status = (await client.get("/v1/status")).json()
    assert any(line.startswith("presence") for line in status["missing"])
    events = (await client.get("/v1/conversations/room/events")).json()
    assert (events["typing"], events["presence"]) == ([], None)


async def test_without_polling_status_says_what_is_missing(start: Start) -> None:
    client = await start(core__disabled_plugins='["polling"]')
    await send(client, "room", "x")
    assert (await client.get("/v1/conversations/room/messages")).json()["messages"]
    absent = await client.get("/v1/conversations/room/events")
    assert (absent.status_code, absent.json()["code"]) == (404, "route_not_found")
    status = (await client.get("/v1/status")).json()
    assert status["mode"] == "local"
    assert any("umbral-chat-polling" in line for line in status["missing"])


async def test_health_and_metrics(client: Client) -> None:
    await send(client, "room", "x")
    assert (await client.get("/health/live")).json() == {"status": "live", "checks": []}
    ready = (await client.get("/health/ready")).json()
    for _ in range(5):  # a machine that stalls for the three seconds of a check makes it look degraded once
        if ready["status"] != "ready":
            ready = (await client.get("/health/ready")).json()
    assert ready["status"] == "ready"
    assert {check["name"] for check in ready["checks"]} >= {"history"}
    metrics = await client.get("/metrics")
    assert 'umbral_chat_sends_total{outcome="created"} 1.0' in metrics.text
    tasks = re.search(r"^umbral_chat_tasks (\S+)$", metrics.text, re.MULTILINE)
    assert tasks
    assert float(tasks[1]) >= 5, "feeds, failover, drafts, reconciling, this request"


async def test_the_toggle_is_kept_over_a_restart_and_says_who(start: Start) -> None:
    client = await start(core__keys=json.dumps(KEYS))
    auth = {"authorization": f"Bearer {KEYS[0]['key']}"}
    switched = (await client.put("/v1/admin/realtime", json={"enabled": False}, headers=auth)).json()
    assert (switched["enabled"], switched["by"]) == (False, "key:n8n")
    again = await start(core__keys=json.dumps(KEYS))
    assert (await again.get("/v1/admin/realtime", headers=auth)).json() == switched


async def test_a_hard_off_cannot_be_lifted(start: Start) -> None:
    client = await start(realtime__enabled="false")
    answer = await client.put("/v1/admin/realtime", json={"enabled": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "realtime_disabled")
    assert (await client.get("/v1/admin/realtime")).json()["locked"] is True


async def test_tokens_hold_over_a_restart_without_a_configured_secret(start: Start) -> None:
    keys = json.dumps(KEYS)
    client = await start(core__keys=keys)
    auth = {"authorization": f"Bearer {KEYS[0]['key']}"}
    body = {"conversation": "room", "subject": "v"}
    token = (await client.post("/v1/tokens", json=body, headers=auth)).json()["token"]
    again = await start(core__keys=keys)
    answer = await again.get("/v1/conversations/room/events", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_what_goes_wrong_inside_is_logged_and_not_told(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the innermost secret")

    monkeypatch.setattr(client.app.state.services.chat, "send", broken)
    answer = await client.post("/v1/conversations/room/messages", json={"content": "x"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "innermost" not in answer.text
    assert "the innermost secret" in caplog.text


async def test_http_can_be_measured_too(start: Start) -> None:
    client = await start(telemetry__http="true")
    await send(client, "room", "x")
    assert (await client.get("/v1/conversations/room/events")).status_code == 200
    assert "http_server_duration" in (await client.get("/metrics")).text
