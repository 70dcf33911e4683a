"""The routes' contract: what is taken, what is answered, and what is refused with its code, field and limit."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Caller, Instance, Json, Start

NOBODY = {"user": 0, "assistant": 0, "agent": 0, "system": 0}


def names(found: Json) -> list[str | None]:
    return [person.get("name") for person in found["people"]]


async def test_who_says_so_is_here_and_is_told_when_to_come_again(ada: Caller, n8n: Caller) -> None:
    told = await ada.ok("PUT", "presence")
    assert {name: told[name] for name in ("device", "expires_in", "renew_in", "listed")} == {
        "device": "default",
        "expires_in": 45,
        "renew_in": 15,
        "listed": True,
    }
    found = await n8n.who()
    assert (found["conversation"], found["count"], found["counts"]) == ("room", 1, NOBODY | {"user": 1})
    (person,) = found["people"]
    assert person["person"] == told["person"]
    assert (person["role"], person["id"], person["name"], person["status"]) == ("user", "visitor", "Ada", "online")
    assert person["devices"] == [{"device": "default", "status": "online"}]
    assert (found["listed"], found["typing"]) == (True, [])


async def test_a_report_replaces_what_the_same_device_said_and_stands_beside_the_others(
    ada: Caller, n8n: Caller
) -> None:
    await ada.here(device="laptop", status="away", metadata={"page": "/cart"})
    await ada.here(device="phone", status="busy")
    await ada.here(device="laptop", metadata={"page": "/pay"})
    (person,) = (await n8n.who())["people"]
    assert person["status"] == "busy"
    assert sorted(person["devices"], key=lambda each: str(each["device"])) == [
        {"device": "laptop", "status": "online", "metadata": {"page": "/pay"}},
        {"device": "phone", "status": "busy"},
    ]


async def test_a_device_may_ask_for_a_time_of_its_own(ada: Caller) -> None:
    told = await ada.here(ttl=90)
    assert (told["expires_in"], told["renew_in"]) == (90, 30)


async def test_who_leaves_with_the_last_device_is_gone(ada: Caller, n8n: Caller) -> None:
    await ada.here(device="laptop")
    await ada.here(device="phone")
    assert await ada.left(device="laptop")
    assert (await n8n.who())["count"] == 1
    assert not await ada.left(device="laptop")
    assert not await ada.left(), "the device of who names none is another one"
    assert await ada.left(device="phone")
    assert (await n8n.who())["count"] == 0


async def test_a_leave_is_held_back_for_who_reloads(start: Start) -> None:
    service = await start(PRESENCE__HOLD_BACK="60")
    ada, n8n = await service.visitor(), await service.key()
    await ada.here()
    before = await n8n.who()
    assert await ada.left()
    assert (await n8n.who())["version"] == before["version"]
    await ada.here()
    assert (await n8n.who())["version"] == before["version"]


async def test_nobody_is_in_a_conversation_that_was_never_made(n8n: Caller) -> None:
    found = await n8n.who()
    assert (found["count"], found["counts"], found["people"]) == (0, NOBODY, [])
    await n8n.here()
    assert (await n8n.who())["count"] == 1
    answer = await n8n.client.get("/v1/conversations/room")
    assert answer.json()["code"] == "conversation_not_found", "being there makes none"


async def test_a_service_speaks_for_whom_it_will(n8n: Caller) -> None:
    agent = {"role": "agent", "id": "agent-7", "name": "Grace"}
    await n8n.here(sender=agent)
    await n8n.here(sender={"role": "assistant"})
    await n8n.here()
    found = await n8n.who()
    assert (found["count"], found["counts"]["agent"], found["counts"]["assistant"]) == (3, 1, 1)
    assert await n8n.left(role="agent", id="agent-7")
    assert await n8n.left(role="assistant")
    assert (await n8n.who())["count"] == 1


@pytest.mark.parametrize("sender", [{"role": "agent"}, {"role": "user", "id": "other"}, {"role": "user", "name": "X"}])
async def test_a_visitor_speaks_for_nobody_else(ada: Caller, n8n: Caller, sender: Json) -> None:
    for method, what in (("PUT", "presence"), ("POST", "typing")):
        answer = await ada.ask(method, what, {"sender": sender})
        assert (answer.status_code, answer.json()["code"]) == (403, "may_not_speak_as")
    query = {name: sender[name] for name in ("role", "id") if name in sender}
    if "name" not in sender:
        answer = await ada.ask("DELETE", "presence", params=query)
        assert (answer.status_code, answer.json()["code"]) == (403, "may_not_speak_as")
    assert (await n8n.who())["count"] == 0


@pytest.mark.parametrize(
    "header", [("Content-Type", "application/json"), ("Content-Length", "17"), ("Transfer-Encoding", "chunked")]
)
async def test_a_body_that_got_lost_is_missing_and_does_not_say_the_opposite(
    ada: Caller, n8n: Caller, header: tuple[str, str]
) -> None:
    """`{"typing": false}` and `{"invisible": true}` begin as the opposite of the defaults."""
    for method, what in (("PUT", "presence"), ("POST", "typing")):
        answer = await ada.ask(method, what, headers=dict([header]))
        assert (answer.status_code, answer.json()["code"]) == (400, "missing_body")
    found = await n8n.who()
    assert (found["count"], found["typing"]) == (0, [])


async def test_who_speaks_of_no_body_may_leave_it_out(ada: Caller, n8n: Caller) -> None:
    for method, what in (("PUT", "presence"), ("POST", "typing")):
        await ada.ok(method, what)
        await ada.ok(method, what, headers={"Content-Length": "0"})
    found = await n8n.who()
    assert (found["count"], len(found["typing"])) == (1, 1)


async def test_a_visitor_may_say_who_it_is(ada: Caller) -> None:
    await ada.here(sender={"role": "user", "id": "visitor", "name": "Ada"})
    assert await ada.left(role="user", id="visitor")


@pytest.mark.parametrize(
    ("body", "code", "field", "limit"),
    [
        ({"status": "asleep"}, "invalid_field", "status", None),
        ({"device": ""}, "invalid_field", "device", 64),
        ({"device": "d" * 65}, "invalid_field", "device", 64),
        ({"device": "a\nb"}, "invalid_field", "device", 64),
        ({"metadata": {"text": "x" * 600}}, "metadata_too_large", "metadata", 512),
        ({"metadata": {"text": "\0"}}, "nul_character", "metadata", None),
        ({"metadata": []}, "invalid_field", "metadata", None),
        ({"ttl": 4}, "invalid_field", "ttl", 5),
        ({"ttl": 301}, "invalid_field", "ttl", 300),
        ({"ttl": "long"}, "invalid_field", "ttl", None),
        ({"sender": {"role": "king"}}, "invalid_field", "sender.role", None),
        ({"sender": {"role": "user", "id": ""}}, "invalid_field", "sender.id", 1),
        ({"state": "online"}, "unknown_field", "state", None),
        ([], "invalid_field", "body", None),
    ],
)
async def test_a_bad_report_is_refused_by_name_and_changes_nothing(
    n8n: Caller, body: Any, code: str, field: str, limit: int | None
) -> None:
    before = await n8n.who()
    answer = await n8n.ask("PUT", "presence", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (400, code, field)
    assert problem.get("limit") == limit
    assert await n8n.who() == before


@pytest.mark.parametrize(
    ("body", "field", "limit"),
    [
        ({"typing": "yes"}, "typing", None),
        ({"seconds": 0}, "seconds", 1),
        ({"seconds": 121}, "seconds", 120),
        ({"device": "phone"}, "device", None),
    ],
)
async def test_bad_typing_is_refused_by_name(n8n: Caller, body: Json, field: str, limit: int | None) -> None:
    answer = await n8n.ask("POST", "typing", body)
    assert (answer.status_code, answer.json()["field"], answer.json().get("limit")) == (400, field, limit)
    assert (await n8n.who())["typing"] == []


@pytest.mark.parametrize(
    ("method", "query", "code", "field"),
    [
        ("DELETE", {"device": ""}, "invalid_field", "device"),
        ("DELETE", {"role": "king"}, "invalid_field", "role"),
        ("DELETE", {"id": "agent-7"}, "invalid_field", "role"),
        ("DELETE", {"sender": "x"}, "unknown_parameter", "sender"),
        ("GET", {"device": "x"}, "unknown_parameter", "device"),
        ("PUT", {"device": "x"}, "unknown_parameter", "device"),
    ],
)
async def test_a_bad_query_is_refused_by_name(n8n: Caller, method: str, query: Json, code: str, field: str) -> None:
    answer = await n8n.ask(method, "presence", params=query)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, field)


async def test_what_is_no_json_is_told_as_everywhere(n8n: Caller) -> None:
    for content, code in (
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b'{"device": "\xff"}', "invalid_encoding"),
    ):
        answer = await n8n.client.put("/v1/conversations/room/presence", content=content)
        assert (answer.status_code, answer.json()["code"]) in {(400, code), (400, "invalid_encoding")}
    answer = await n8n.client.put("/v1/conversations/room/presence", content=b" " * 300_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_devices_of_a_person_and_of_a_conversation_are_bounded(start: Start) -> None:
    service = await start(PRESENCE__DEVICES_PER_PERSON="2", PRESENCE__DEVICES="3")
    n8n = await service.key()
    grace, bob = {"role": "agent", "id": "grace"}, {"role": "agent", "id": "bob"}
    await n8n.here(sender=grace, device="1")
    await n8n.here(sender=grace, device="2")
    answer = await n8n.ask("PUT", "presence", {"sender": grace, "device": "3"})
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (429, "too_many_devices", 2)
    await n8n.here(sender=grace, device="2")
    await n8n.here(sender=bob, device="1")
    answer = await n8n.ask("PUT", "presence", {"sender": bob, "device": "2"})
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (429, "too_many_present", 3)
    assert (await n8n.who())["count"] == 2


async def test_visitors_do_not_take_the_places_of_those_who_answer_them(start: Start) -> None:
    service = await start(PRESENCE__DEVICES="10")
    n8n = await service.key()
    visitors = [await service.visitor(f"visitor-{number}", name=None) for number in range(11)]
    for visitor in visitors[:10]:
        await visitor.here()
    answer = await visitors[10].ask("PUT", "presence")
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (429, "too_many_present", 10)
    await n8n.here(sender={"role": "assistant"})
    answer = await n8n.ask("PUT", "presence", {"sender": {"role": "agent", "id": "grace"}})
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (429, "too_many_present", 11)


async def test_a_visitor_who_says_it_too_often_is_slowed_down(start: Start) -> None:
    service = await start(CORE__LIMITS__SENDS_PER_SECOND="0.001", CORE__LIMITS__SENDS_BURST="2")
    ada, n8n = await service.visitor(), await service.key()
    await ada.here()
    await ada.types()
    for method, what in (("PUT", "presence"), ("POST", "typing"), ("DELETE", "presence")):
        answer = await ada.ask(method, what)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert "retry-after" in answer.headers
    for _ in range(5):
        await n8n.here()


async def test_rights(service: Instance, ada: Caller) -> None:
    deaf, plain, stranger = await service.key("deaf"), await service.key("plain"), await service.caller(None)
    for method in ("GET", "PUT", "DELETE"):
        assert (await stranger.ask(method, "presence")).status_code == 401
        answer = await deaf.ask(method, "presence")
        assert (answer.status_code, answer.json()["right"]) == (403, "read")
        assert (await plain.ask(method, "presence")).status_code == 200
    assert (await deaf.ask("POST", "typing")).status_code == 200
    reader = await service.visitor("reader", rights=["read"])
    assert (await reader.ask("PUT", "presence")).status_code == 200
    assert (await reader.ask("POST", "typing")).json()["right"] == "send"
    elsewhere = Caller(ada.client, "another")
    assert (await elsewhere.ask("PUT", "presence")).json()["code"] == "foreign_conversation"


async def test_other_methods_are_refused(n8n: Caller) -> None:
    for method, what in (("POST", "presence"), ("PATCH", "presence"), ("GET", "typing"), ("PUT", "typing")):
        answer = await n8n.ask(method, what)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_an_answer_that_is_as_it_was_is_a_304(ada: Caller, n8n: Caller) -> None:
    await ada.here()
    answer = await n8n.ask("GET", "presence")
    assert answer.headers["cache-control"] == "private, no-cache"
    tag = {"If-None-Match": answer.headers["etag"]}
    again = await n8n.ask("GET", "presence", headers=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    await ada.types()
    assert (await n8n.ask("GET", "presence", headers=tag)).status_code == 200


async def test_in_a_deleted_conversation_nobody_is(n8n: Caller, ada: Caller) -> None:
    await n8n.say("hello")
    await ada.here()
    await n8n.client.delete("/v1/conversations/room")
    for caller in (ada, n8n):
        for method, what in (("PUT", "presence"), ("GET", "presence"), ("DELETE", "presence"), ("POST", "typing")):
            answer = await caller.ask(method, what)
            assert (answer.status_code, answer.json()["code"]) == (410, "conversation_deleted"), (method, what)
    await n8n.client.post("/v1/conversations", json={"id": "room"})
    assert (await n8n.who())["count"] == 0, "who was there before is not there now"
    answer = await ada.ask("PUT", "presence")
    assert answer.json()["code"] == "conversation_deleted", "the token was for the other one"
    await n8n.here()
    assert (await n8n.who())["count"] == 1


async def test_typing_ends_when_it_is_said_and_with_the_message(n8n: Caller, ada: Caller) -> None:
    told = await ada.types()
    assert told == {"typing": True, "expires_in": 8, "listed": True}
    (typist,) = (await n8n.who())["typing"]
    assert (typist["role"], typist["name"]) == ("user", "Ada")
    assert (await ada.types(typing=False))["typing"] is False
    assert (await n8n.who())["typing"] == []
    assert (await n8n.types(sender={"role": "assistant"}))["expires_in"] == 120
    assert (await n8n.types(sender={"role": "assistant"}, seconds=30))["expires_in"] == 30
    await ada.types()
    assert {each["role"] for each in (await n8n.who())["typing"]} == {"assistant", "user"}
    await ada.say("hello")
    assert [each["role"] for each in (await n8n.who())["typing"]] == ["assistant"]
    await n8n.say("hi", sender={"role": "assistant", "name": "Bot"})
    assert (await n8n.who())["typing"] == []


async def test_a_browser_s_preflight_is_answered(start: Start) -> None:
    service = await start(CORE__CORS_ORIGINS='["https://www.example.com"]')
    stranger = await service.caller(None)
    for method, what in (("PUT", "presence"), ("DELETE", "presence"), ("POST", "typing")):
        asked = {
            "Origin": "https://www.example.com",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        answer = await stranger.ask("OPTIONS", what, headers=asked)
        assert answer.status_code == 204, answer.text
        assert method in answer.headers["access-control-allow-methods"]
    ada = await service.visitor()
    answer = await ada.ask("PUT", "presence", headers={"Origin": "https://www.example.com"})
    assert answer.headers["access-control-allow-origin"] == "https://www.example.com"


async def test_the_routes_stand_in_the_document(n8n: Caller) -> None:
    document = (await n8n.client.get("/schema/openapi.json")).json()
    path = document["paths"]["/v1/conversations/{conversation}/presence"]
    assert {method: each["x-right"] for method, each in path.items()} == dict.fromkeys(("get", "put", "delete"), "read")
    assert {one["name"] for one in path["delete"]["parameters"]} == {"conversation", "device", "role", "id"}
    assert path["put"]["requestBody"] == {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PresenceBody"}}},
        "required": False,
    }
    assert document["paths"]["/v1/conversations/{conversation}/typing"]["post"]["x-right"] == "send"
    assert {"PresenceBody", "PresenceView", "RenewalView", "TypingBody"} <= document["components"]["schemas"].keys()
    status = (await n8n.client.get("/v1/status")).json()
    assert status["presence"] == "shared"
    assert not any(line.startswith("presence") for line in status["missing"])
