"""Who sees what of whom: visitors, keys, moderators, those with a right of their own, and what settings hide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import KEYS, Caller, Instance, Json, Start

GRACE = {"role": "agent", "id": "agent-7", "name": "Grace"}
HIDDEN = ("id", "devices")


async def everything(caller: Caller) -> Json:
    """What a caller is shown, by a request and by a poll; the two must agree."""
    asked, polled = await caller.who(), await caller.poll()
    for name in ("version", "count", "counts", "listed", "people"):
        assert asked[name] == polled["presence"][name]
    assert asked.get("last_seen") == polled["presence"].get("last_seen")
    assert asked["typing"] == polled["typing"]
    return asked


@pytest.fixture
async def crowd(service: Instance, n8n: Caller, ada: Caller) -> Caller:
    """A visitor, an agent and the assistant, all of whom type."""
    await ada.here(device="phone", metadata={"page": "/cart"})
    await n8n.here(sender=GRACE, device="desk", metadata={"room": "12"})
    await n8n.here(sender={"role": "assistant", "name": "Bot"})
    await ada.types()
    for sender in (GRACE, {"role": "assistant", "name": "Bot"}):
        await n8n.types(sender=sender)
    return n8n


async def test_a_visitor_sees_roles_names_and_status_and_no_ids(crowd: Caller, ada: Caller) -> None:
    found = await everything(ada)
    assert found["count"] == 3
    people = {person["role"]: person for person in found["people"]}
    assert (people["agent"]["name"], people["agent"]["status"]) == ("Grace", "online")
    assert {"person", "role", "name", "status", "since"} == people["agent"].keys()
    assert {each["role"] for each in found["typing"]} == {"user", "agent", "assistant"}
    for each in found["typing"]:
        assert {"person", "role", "name"} == each.keys()
    assert "last_seen" not in found
    said = json.dumps(found)
    for secret in ("agent-7", "visitor", "desk", "phone", "/cart", '"12"'):
        assert secret not in said


async def test_a_key_sees_ids_devices_and_metadata(crowd: Caller) -> None:
    found = await everything(crowd)
    people = {person["role"]: person for person in found["people"]}
    assert people["user"]["id"] == "visitor"
    assert people["user"]["devices"] == [{"device": "phone", "status": "online", "metadata": {"page": "/cart"}}]
    assert {each.get("id") for each in found["typing"] if each["role"] != "assistant"} == {"visitor", "agent-7"}


async def test_both_know_a_person_by_the_same_name_in_one_conversation_and_by_another_in_the_next(
    service: Instance, crowd: Caller, ada: Caller
) -> None:
    seen, known = await ada.who(), await crowd.who()
    assert [each["person"] for each in seen["people"]] == [each["person"] for each in known["people"]]
    other = await service.key(conversation="other")
    await other.here(sender=GRACE)
    (elsewhere,) = (await other.who())["people"]
    assert elsewhere["person"] not in {each["person"] for each in known["people"]}


async def test_last_seen_is_a_right_of_its_own(start: Start) -> None:
    keys = [*KEYS, {"name": "past", "key": "past-key-for-tests-only-001", "rights": ["read", "last_seen"]}]
    service = await start(PRESENCE__HOLD_BACK="0", CORE__KEYS=json.dumps(keys))
    ada = await service.visitor()
    await ada.here()
    await ada.left()
    entitled = await service.caller(keys[-1]["key"])
    (gone,) = (await everything(entitled))["last_seen"]
    assert (gone["role"], gone["name"], gone["id"]) == ("user", "Ada", "visitor")
    assert gone["last_seen"].endswith("Z")
    for other in (ada, await service.key("plain")):
        assert "last_seen" not in await everything(other)


@pytest.mark.parametrize("kept", ["0", "3600"])
async def test_last_seen_is_kept_only_where_it_is_wanted(start: Start, kept: str) -> None:
    service = await start(PRESENCE__HOLD_BACK="0", PRESENCE__LAST_SEEN=kept)
    ada, n8n = await service.visitor(), await service.key()
    await ada.here()
    await ada.left()
    assert len((await n8n.who()).get("last_seen", [])) == (kept != "0")


async def test_who_is_invisible_is_nobody_to_anybody(service: Instance, n8n: Caller, ada: Caller) -> None:
    empty: dict[str, Any] = {name: (await everything(caller))["version"] for name, caller in (("a", ada), ("n", n8n))}
    told = await n8n.here(sender=GRACE, device="desk", invisible=True)
    assert told["device"] == "desk"
    await n8n.here(sender=GRACE, device="phone")
    await n8n.types(sender=GRACE)
    for name, caller in (("a", ada), ("n", n8n)):
        found = await everything(caller)
        assert (found["count"], found["people"], found["typing"]) == (0, [], [])
        assert found["version"] == empty[name]
    await n8n.here(sender=GRACE, device="desk")
    assert (await ada.who())["count"] == 1


async def test_who_was_invisible_was_not_seen(service: Instance, n8n: Caller) -> None:
    await n8n.here(sender=GRACE, invisible=True)
    await n8n.left(role="agent", id="agent-7")
    assert (await n8n.who())["last_seen"] == []


async def test_a_deployment_may_forbid_to_be_invisible(start: Start) -> None:
    service = await start(PRESENCE__ALLOW_INVISIBLE="false")
    n8n = await service.key()
    answer = await n8n.ask("PUT", "presence", {"invisible": True})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "invalid_field", "invisible")
    await n8n.here(invisible=False)


async def test_hidden_roles_are_shown_to_keys_alone(start: Start) -> None:
    service = await start(PRESENCE__HOLD_BACK="0", PRESENCE__HIDDEN_ROLES='["agent"]')
    ada, n8n = await service.visitor(), await service.key()
    await n8n.here(sender=GRACE)
    await ada.here()
    await n8n.types(sender=GRACE)
    shown, known = await everything(ada), await everything(n8n)
    assert ([each["role"] for each in shown["people"]], shown["count"]) == (["user"], 1)
    assert (shown["counts"]["agent"], shown["typing"]) == (0, [])
    assert (known["counts"]["agent"], [each["role"] for each in known["typing"]]) == (1, ["agent"])
    assert "Grace" not in json.dumps(shown)
    before = shown["version"]
    await n8n.left(role="agent", id="agent-7")
    assert (await ada.who())["version"] == before, "nor that somebody hidden went"


async def test_in_a_crowd_nobody_is_named_and_the_assistant_alone_types(start: Start) -> None:
    service = await start(PRESENCE__LISTED_PEOPLE="2", PRESENCE__HOLD_BACK="0")
    n8n, ada = await service.key(), await service.visitor()
    for number in range(2):
        assert (await n8n.here(sender={"role": "user", "id": f"u{number}"}))["listed"]
    assert not (await ada.here())["listed"]
    assert not (await ada.types())["listed"]
    await n8n.types(sender={"role": "assistant"})
    for caller in (ada, n8n):
        found = await everything(caller)
        assert (found["listed"], found["people"], found["count"], found["counts"]["user"]) == (False, [], 3, 3)
        assert [each["role"] for each in found["typing"]] == ["assistant"]
    await ada.left()
    assert len((await everything(n8n))["people"]) == 2
