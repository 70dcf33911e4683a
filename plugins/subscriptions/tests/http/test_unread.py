"""Answers that nobody has read, over whole services: pushed and claimed, with read markers and presence as they are."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from umbral_chat._core.consumers import watch
from umbral_chat_subscriptions import bodies

from .conftest import Caller, Json, Receive, Start, events, until

AFTER = 0.5


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes would be too long for a test."""
    monkeypatch.setattr(bodies, "SHORTEST_AFTER", 0.1)
    monkeypatch.setattr(watch, "DUE_EVERY", 0.1)


async def room(service: Caller, name: str, *subjects: str) -> None:
    members = [{"subject": one} for one in subjects]
    await service.ok("POST", "/v1/conversations", {"id": name, "members": members}, status=201)


async def token(service: Caller, subject: str, name: str = "room") -> Caller:
    """A client with a token of the conversation."""
    body = {"conversation": name, "subject": subject, "rights": ["read", "send"]}
    made = (await service.ok("POST", "/v1/tokens", body, status=201))["token"]
    transport = service.client._transport
    headers = {"Authorization": f"Bearer {made}"}
    return Caller(httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers))


async def test_an_unread_answer_is_pushed_once_by_one_of_two_instances(start: Start, receive: Receive) -> None:
    here, receiver = await start(), await receive()
    await start()
    made = await here.subscribe("unseen", receiver, kind="unread", after=AFTER)
    assert (made["kind"], made["after"], bool(made["secret"])) == ("unread", AFTER, True)
    await room(here, "room", "ada", "bob")
    ada = await token(here, "ada")
    await ada.say("room", "Where is it?")
    seq = await here.say("room", "It is on its way.", sender={"role": "assistant"})
    bob = await token(here, "bob")
    await bob.ok("POST", "/v1/conversations/room/read", {"seq": seq})
    await until(lambda: bool(events(receiver)), "it is reported")
    (event,) = events(receiver)
    assert event["id"].startswith("evt_")
    assert (event["type"], event["conversation"], event["entry"]["content"]) == (
        *("unread", "room"),
        "It is on its way.",
    )
    assert event["reader"] == {"subject": "ada", "role": "user", "name": None, "member": True}
    assert (event["unread"], event["unread_since"]) == (1, event["entry"]["at"])
    await here.say("room", "Still.", sender={"role": "assistant"})
    await here.say("other", "A marker that comes behind it.", sender={"role": "assistant"})
    await ada.ok("POST", "/v1/conversations/room/read", {"seq": seq + 1})
    seq = await here.say("room", "There.", sender={"role": "assistant"})

    def again() -> bool:
        return {(one["reader"]["subject"], one["entry"]["content"]) for one in events(receiver)[1:]} == {
            ("ada", "There."),
            ("bob", "There."),
        }

    await until(again, "it is armed again")


async def test_an_unread_answer_is_claimed_and_given_again_until_it_is_acknowledged(service: Caller) -> None:
    await service.subscribe("unseen", kind="unread", after=AFTER)
    await room(service, "room", "ada")
    await room(service, "nobody")
    for name in ("room", "nobody"):
        await service.say(name, "Hello", sender={"role": "assistant"})
    (claim,) = await service.claim("unseen", max=10)
    (event,) = claim["entries"]
    assert (event["type"], event["reader"]["subject"]) == ("unread", "ada")
    await service.ok("POST", "/v1/subscriptions/unseen/release", {"claim_ids": [claim["claim_id"]]}, status=204)
    (again,) = await service.claim("unseen", max=10)
    assert again["entries"] == claim["entries"]
    await service.ack("unseen", again)
    assert await service.claim("unseen", wait=0) == []
    assert (await service.show("unseen"))["open_claims"] == 0
    await service.ok("DELETE", "/v1/conversations/room", status=204)
    assert await service.claim("unseen", wait=0.3) == []  # an end is none of its events


async def test_one_that_is_read_before_it_is_claimed_is_not_given(service: Caller) -> None:
    await service.subscribe("unseen", kind="unread", after=AFTER)
    await room(service, "room", "ada")
    seq = await service.say("room", "Hello", sender={"role": "agent", "id": "desk"})
    ada = await token(service, "ada")
    await ada.ok("POST", "/v1/conversations/room/read", {"seq": seq})
    assert await service.claim("unseen", wait=2 * AFTER) == []


async def test_whoever_is_there_is_not_reported(service: Caller) -> None:
    await service.subscribe("unseen", kind="unread", after=AFTER)
    await room(service, "room", "ada", "bob")
    ada = await token(service, "ada")
    await ada.ok("PUT", "/v1/conversations/room/presence", {"ttl": 60})
    await service.say("room", "Hello", sender={"role": "assistant"})
    (claim,) = await service.claim("unseen")
    assert [event["reader"]["subject"] for event in claim["entries"]] == ["bob"]


async def test_it_is_bounded_and_its_fields_fit(start: Start) -> None:
    service = await start(SUBSCRIPTIONS__MOST_UNREAD="1")
    bad: list[tuple[Json, str]] = [
        ({"kind": "unread"}, "after"),
        ({"after": 600}, "after"),
        ({"kind": "unread", "after": 0.05}, "after"),
        ({"kind": "unread", "after": 2_592_001}, "after"),
        ({"kind": "unseen", "after": 600}, "kind"),
        ({"kind": "unread", "after": 600, "imported": True}, "imported"),
        ({"kind": "unread", "after": 600, "filter": {"kinds": ["message"]}}, "filter.kinds"),
        ({"kind": "unread", "after": 600, "filter": {"roles": ["user"]}}, "filter.roles"),
    ]
    for body, field in bad:
        answer = await service.ok("POST", "/v1/subscriptions", {"name": "a", **body}, status=400)
        assert (answer["code"], answer["field"]) == ("invalid_field", field)
    await service.subscribe("one", kind="unread", after=600)
    again = await service.ok("POST", "/v1/subscriptions", {"name": "one", "kind": "unread", "after": 600})
    assert again["after"] == 600
    other = {"name": "one", "kind": "unread", "after": 601}
    assert await service.refused("POST", "/v1/subscriptions", other, status=409) == "subscription_exists"
    more = {"name": "two", "kind": "unread", "after": 600}
    assert await service.refused("POST", "/v1/subscriptions", more, status=409) == "subscriptions_full"
    await service.subscribe("entries")
    await service.ok("DELETE", "/v1/subscriptions/one", status=204)
    await service.subscribe("two", kind="unread", after=600)


async def test_a_client_that_leaves_while_it_waits_takes_nothing(service: Caller) -> None:
    await service.subscribe("unseen", kind="unread", after=AFTER)
    waiting = asyncio.create_task(service.claim("unseen", wait=20))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await room(service, "room", "ada")
    await service.say("room", "Hello", sender={"role": "assistant"})
    (claim,) = await service.claim("unseen")
    assert claim["entries"][0]["reader"]["subject"] == "ada"
