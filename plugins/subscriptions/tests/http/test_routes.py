"""Who may call the routes, and what they refuse."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast

import httpx

from .conftest import Caller, Receive, Start, caller

EVERY = [
    ("POST", "/v1/subscriptions", {"name": "work"}),
    ("GET", "/v1/subscriptions", None),
    ("GET", "/v1/subscriptions/work", None),
    ("PATCH", "/v1/subscriptions/work", {"paused": True}),
    ("DELETE", "/v1/subscriptions/work", None),
    ("POST", "/v1/subscriptions/work/claim", {}),
    ("POST", "/v1/subscriptions/work/ack", {"claim_ids": ["x"]}),
    ("POST", "/v1/subscriptions/work/release", {"claim_ids": ["x"]}),
]


def app_of(service: Caller) -> Any:
    return cast("httpx.ASGITransport", service.client._transport).app


async def test_the_right_is_for_service_keys_that_have_it(service: Caller, entered: AsyncExitStack) -> None:
    app = app_of(service)
    plain, worker, nobody = [await caller(app, entered, name) for name in ("plain", "worker", None)]
    asked = {"conversation": "room", "subject": "ada", "rights": ["read", "send"]}
    token = (await service.ok("POST", "/v1/tokens", asked, status=201))["token"]
    for method, path, body in EVERY:
        assert await nobody.refused(method, path, body, status=401) == "unauthorized"
        answer = await plain.ask(method, path, body)
        assert (answer.status_code, answer.json()["right"]) == (403, "subscribe")
        visitor = await nobody.ask(method, path, body, headers={"Authorization": f"Bearer {token}"})
        assert visitor.status_code == 403
    assert await service.refused("POST", "/v1/tokens", asked | {"rights": ["subscribe"]}, status=400)
    await worker.ok("POST", "/v1/subscriptions", {"name": "work"}, status=201)
    assert (await worker.ok("GET", "/v1/subscriptions"))["subscriptions"][0]["name"] == "work"


async def test_the_same_call_again_shows_no_secret(service: Caller, receive: Receive) -> None:
    receiver = await receive()
    made = await service.subscribe("tickets", receiver)
    body = {"name": "tickets", "push": {"url": made["push"]["url"]}}
    again = await service.ok("POST", "/v1/subscriptions", body)
    assert again.pop("secret") is None
    assert again == {name: value for name, value in made.items() if name != "secret"} | {"lag": again["lag"]}
    other = body | {"start": "beginning"}
    assert await service.refused("POST", "/v1/subscriptions", other, status=409) == "subscription_exists"
    assert made["secret"] not in (await service.ask("GET", "/v1/subscriptions")).text


async def test_one_that_is_not_there(service: Caller) -> None:
    for method, path, body in EVERY[2:]:
        assert await service.refused(method, path, body, status=404) == "subscription_not_found"


BAD: list[tuple[str, str, Any, str, str | None]] = [
    ("POST", "", {}, "missing_field", "name"),
    ("POST", "", {"name": "a b"}, "invalid_field", "name"),
    ("POST", "", {"name": "a", "start": "later"}, "invalid_field", "start"),
    ("POST", "", {"name": "a", "filter": {"kind": "message"}}, "unknown_field", "filter.kind"),
    ("POST", "", {"name": "a", "filter": {"kinds": ["draft"]}}, "invalid_field", "filter.kinds[0]"),
    ("POST", "", {"name": "a", "filter": {"metadata": {"k": [1]}}}, "invalid_field", None),
    ("POST", "", {"name": "a", "push": {"url": "http://10.0.0.1/x"}}, "refused_url", "push.url"),
    ("POST", "", {"name": "a", "push": {"url": "http://0x0a000001/x"}}, "refused_url", "push.url"),
    ("POST", "", {"name": "a", "push": {"url": "http://[::ffff:10.0.0.1]/x"}}, "refused_url", "push.url"),
    ("POST", "", {"name": "a", "push": {"url": "https://user@example.com/x"}}, "refused_url", "push.url"),
    ("PATCH", "/work", {}, "missing_field", "paused"),
    ("POST", "/work/claim", {"max": 0}, "invalid_field", "max"),
    ("POST", "/work/claim", {"max": 101}, "invalid_field", "max"),
    ("POST", "/work/claim", {"entries": 101}, "invalid_field", "entries"),
    ("POST", "/work/claim", {"wait": -1}, "invalid_field", "wait"),
    ("POST", "/work/claim", {"wait": 301}, "invalid_field", "wait"),
    ("POST", "/work/claim", {"lease": 0.5}, "invalid_field", "lease"),
    ("POST", "/work/claim", {"lease": 1e9}, "invalid_field", "lease"),
    ("POST", "/work/ack", {"claim_ids": []}, "invalid_field", "claim_ids"),
    ("POST", "/work/ack", {"claim_ids": ["x"] * 101}, "invalid_field", "claim_ids"),
    ("POST", "/work/ack", {"claim_ids": ["x" * 10_000]}, "invalid_field", "claim_ids"),
    ("POST", "/work/release", {"claim_ids": ["x"], "delay": -1}, "invalid_field", "delay"),
]


async def test_what_is_refused(service: Caller) -> None:
    await service.subscribe("work")
    for method, path, body, code, field in BAD:
        answer = await service.ask(method, f"/v1/subscriptions{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (400, code), (body, answer.text)
        assert field is None or answer.json()["field"] == field, body


async def test_ids_of_no_claims(service: Caller) -> None:
    await service.subscribe("work")
    for claim_id in ("x", "", "ä", "a.b.c", "\0", "../x"):
        for route in ("ack", "release"):
            body = {"claim_ids": [claim_id]}
            code = await service.refused("POST", f"/v1/subscriptions/work/{route}", body, status=409)
            assert code == "claim_expired"


async def test_there_are_so_many(start: Start) -> None:
    service = await start(SUBSCRIPTIONS__MOST="2")
    for name in ("a", "b"):
        await service.subscribe(name)
    answer = await service.ask("POST", "/v1/subscriptions", {"name": "c"})
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["limit"]) == ("subscriptions_full", 2)
    await service.ok("DELETE", "/v1/subscriptions/a", status=204)
    await service.subscribe("c")


async def test_metrics_and_the_document(service: Caller) -> None:
    await service.subscribe("work")
    text = (await service.ask("GET", "/metrics")).text
    assert 'umbral_chat_subscriptions{way="pull"} 1' in text.replace(".0", "")
    document = await service.ok("GET", "/schema/openapi.json")
    paths = {path for path in document["paths"] if path.startswith("/v1/subscriptions")}
    assert paths == {path.replace("work", "{name}") for _, path, _ in EVERY}
    claim = document["paths"]["/v1/subscriptions/{name}/claim"]["post"]
    assert claim["x-right"] == "subscribe"
    assert not claim["requestBody"].get("required")
