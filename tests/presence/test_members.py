"""Supabase's users and presence: as whom they are here, whom they see, and what their channel tells them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.local_supabase.people import User, command, sign_up
from tests.local_supabase.realtime.clients import Line, javascript, joined
from tests.local_supabase.service import N8N, Client, Start, add, instances
from tests.local_supabase.stack.api import Stack

ROOM = "/v1/conversations/room"
GRACE = {"role": "agent", "id": "agent-7", "name": "Grace"}
QUICK = {"PRESENCE__HOLD_BACK": "0"}


@pytest.fixture
async def start(supabase: Stack) -> AsyncIterator[Start]:
    await command(supabase, "realtime/reset")
    async with instances(supabase) as started:
        yield started
    await command(supabase, "realtime/reset")


async def ok(service: Client, method: str, what: str, caller: User | None = None, **given: Any) -> Any:
    """Be answered 200, as this user or as n8n."""
    headers = N8N if caller is None else caller.bearer
    answer = await service.request(method, f"{ROOM}/{what}", headers=headers, **given)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_user_is_here_as_its_membership_says_and_sees_no_ids(start: Start, supabase: Stack) -> None:
    service = await start(**QUICK)
    user, agent = await sign_up(supabase, "u@example.com"), await sign_up(supabase, "agent@example.com")
    stranger = await sign_up(supabase, "s@example.com")
    await add(service, user, (agent, "agent"))
    for one in (user, agent):
        await ok(service, "PUT", "presence", one, json={"device": "phone"})
    known = await ok(service, "GET", "presence")
    assert {person["role"]: person["id"] for person in known["people"]} == {"user": user.id, "agent": agent.id}
    seen = await ok(service, "GET", "presence", user)
    assert (seen["count"], seen["counts"]["agent"], "last_seen" in seen) == (2, 1, False)
    assert [each["person"] for each in seen["people"]] == [each["person"] for each in known["people"]]
    for secret in (user.id, agent.id, "phone"):
        assert secret not in json.dumps(seen)
    polled = await ok(service, "GET", "events", user, params={"after": "0"})
    assert polled["presence"]["people"] == seen["people"]
    answer = await service.put(f"{ROOM}/presence", headers=user.bearer, json={"sender": {"role": "agent"}})
    assert (answer.status_code, answer.json()["code"]) == (403, "may_not_speak_as")
    for method in ("GET", "PUT", "DELETE"):
        assert (await service.request(method, f"{ROOM}/presence", headers=stranger.bearer)).status_code == 403
    await add(service, user)
    answer = await service.put(f"{ROOM}/presence", headers=agent.bearer)
    assert answer.status_code == 403, "who was removed comes no more"


def told(*wanted: tuple[str, str]) -> Any:
    """A broadcast whose signals have these values, each of which may be in another signal."""

    def matches(line: Line) -> bool:
        signals = line.get("payload", {}).get("signals", []) if line.get("got") == "signals" else []
        return bool(signals) and all(any(value in str(one.get(name)) for one in signals) for name, value in wanted)

    return matches


async def test_a_channel_tells_names_and_never_ids_nor_who_is_hidden_or_invisible(
    start: Start, supabase: Stack
) -> None:
    service = await start(**QUICK, PRESENCE__HIDDEN_ROLES='["system"]')
    user = await sign_up(supabase)
    await add(service, user)
    connected = await service.post(f"{ROOM}/connect", headers=user.bearer)
    given = next(offer for offer in connected.json()["offers"] if offer["edge"] == "direct")["parameters"]
    async with javascript(
        supabase, given["topic"], token=user.access_token, config=given["config"], key=given["publishable_key"]
    ) as member:
        await joined(member)
        for sender in ({"role": "system", "id": "hidden-1"}, GRACE | {"id": "unseen-2", "name": "Una"}):
            body = {"sender": sender, "device": "desk", "metadata": {"floor": "mezzanine"}}
            await ok(service, "PUT", "presence", json=body | {"invisible": sender["role"] == "agent"})
            await ok(service, "POST", "typing", json={"sender": sender})
        await ok(service, "PUT", "presence", json={"sender": GRACE, "device": "desk", "metadata": {"floor": "attic"}})
        line = await member.until(told(("signal", "presence"), ("joined", "Grace")), "her coming", within=30)
        (signal,) = [one for one in line["payload"]["signals"] if one["signal"] == "presence"]
        (person,) = signal["joined"]
        assert {name: person[name] for name in ("role", "name", "status")} == {
            "role": "agent",
            "name": "Grace",
            "status": "online",
        }
        assert signal["count"] == 1
        here = await ok(service, "GET", "presence", user)
        assert (signal["version"], person["person"]) == (here["version"], here["people"][0]["person"])
        await ok(service, "POST", "typing", json={"sender": GRACE})
        await member.until(told(("signal", "typing"), ("name", "Grace")), "her typing", within=30)
        await ok(service, "DELETE", "presence", params={"role": "agent", "id": "agent-7", "device": "desk"})
        await member.until(told(("signal", "presence"), ("left", person["person"])), "her leaving", within=30)
        said = json.dumps(member.lines)
        for secret in ("agent-7", "hidden-1", "unseen-2", "Una", "desk", "attic", "mezzanine"):
            assert secret not in said
