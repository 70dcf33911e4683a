"""What `connect` offers, and to which callers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from umbral_chat.providers.auth import Principal
from umbral_chat_realtime_supabase.direct.offer import offer
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.users.authenticator import User

from tests.local_supabase.people import command, sign_up
from tests.local_supabase.service import N8N, TTL, Client, Start, add
from tests.local_supabase.stack.api import Stack

from .conftest import connect, offered

URL, KEY = "https://abcdefghijklmnopqrst.supabase.co", "sb_publishable_x"
USER = User(kind="user", subject="u", rights=frozenset({"read"}), topic="umbral_chat:c:room/aaaaaaaaaa")


def made(settings: Supabase, principal: Principal = USER) -> Any:
    return offer("room", principal, settings, here="https://chat.example.com/", reconcile_interval=5.0)


def test_the_offer_holds_what_a_client_needs_and_no_more() -> None:
    found = made(Supabase(url=URL + "/", publishable_key=KEY))
    assert (found.edge, found.rank, found.url) == ("direct", 20, URL + "/realtime/v1")
    assert found.parameters == {
        "supabase_url": URL,
        "publishable_key": KEY,
        "topic": USER.topic,
        "private": True,
        "config": {"private": True, "broadcast": {"self": False, "ack": False}},
        "token": "user",
        "events": {
            "entry": ["conversation", "epoch", "seq", "entry?"],
            "signals": ["conversation", "signals"],
            "moved": ["conversation", "epoch", "topic"],
            "deleted": ["conversation", "epoch"],
        },
        "fill_gap": "https://chat.example.com/v1/conversations/room/events?after={cursor}",
        "reconcile_every_ms": 5000,
    }


def test_browsers_get_the_url_that_they_can_reach() -> None:
    found = made(Supabase(url="http://kong:8000", publishable_key=KEY, public_url=URL + "/"))
    assert (found.url, found.parameters["supabase_url"]) == (URL + "/realtime/v1", URL)


@pytest.mark.parametrize(
    ("settings", "principal"),
    [
        (Supabase(url=URL), USER),
        (Supabase(url=URL, publishable_key=KEY), User(kind="user", subject="u", rights=frozenset({"read"}))),
        (Supabase(url=URL, publishable_key=KEY), Principal(kind="user", subject="u", rights=frozenset({"read"}))),
    ],
    ids=[
        "no key for browsers",
        "no topic: no broadcasts, or the logs are elsewhere",
        "another authenticator's user",
    ],
)
def test_without_key_topic_or_user_there_is_no_offer(settings: Supabase, principal: Principal) -> None:
    assert made(settings, principal) is None


def edges(found: dict[str, Any]) -> list[str]:
    """Those offered, in order, but for the streams of the service, which rank above."""
    return [offer["edge"] for offer in found["offers"] if offer["edge"] not in {"websocket", "sse"}]


async def soon(service: Client, user: Any, expected: list[str]) -> None:
    """Wait until exactly these edges are offered."""
    for _ in range(400):
        if edges(await connect(service, user)) == expected:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not offered within 20 s: {expected}")


async def test_a_member_is_offered_the_channel_before_polling(service: Client, supabase: Stack) -> None:
    user = await sign_up(supabase)
    await add(service, user)
    found = await connect(service, user)
    assert edges(found) == ["direct", "poll"]
    assert found["cursor"].endswith(".1")
    given = await offered(service, user)
    # Relative, since the service does not know its own URL here.
    assert given["fill_gap"] == "/v1/conversations/room/events?after={cursor}"
    assert supabase.secret_key not in str(found)


async def test_a_stranger_is_refused(service: Client, supabase: Stack) -> None:
    user, stranger = await sign_up(supabase), await sign_up(supabase, "b@example.com")
    await add(service, user)
    for conversation in ("room", "never-made"):
        answer = await service.post(f"/v1/conversations/{conversation}/connect", headers=stranger.bearer)
        assert answer.status_code == 403
        assert "umbral_chat:c:" not in answer.text


async def test_other_principals_are_offered_polling_alone(service: Client, supabase: Stack) -> None:
    await add(service, await sign_up(supabase))
    token = await service.post(
        "/v1/tokens", headers=N8N, json={"conversation": "room", "subject": "visitor", "rights": ["read"], "ttl": 60}
    )
    assert token.status_code == 201, token.text
    for headers in (N8N, {"Authorization": f"Bearer {token.json()['token']}"}):
        answer = await service.post("/v1/conversations/room/connect", headers=headers)
        assert answer.status_code == 200, answer.text
        assert edges(answer.json()) == ["poll"]


async def test_with_realtime_switched_off_there_is_no_offer(start: Start, supabase: Stack) -> None:
    here, there = await start(), await start(REALTIME__ENABLED="false")
    user = await sign_up(supabase)
    await add(here, user)
    assert edges(await connect(there, user)) == ["poll"]
    for enabled, expected in ((False, ["poll"]), (True, ["direct", "poll"])):
        assert (await here.put("/v1/admin/realtime", headers=N8N, json={"enabled": enabled})).status_code == 200
        assert enabled or edges(await connect(here, user)) == expected
        await soon(here, user, expected)


async def test_while_realtime_is_down_it_is_not_offered(service: Client, supabase: Stack) -> None:
    user = await sign_up(supabase)
    await add(service, user)
    for fault, expected in ((503, ["poll"]), (None, ["direct", "poll"])):
        await command(supabase, "realtime/faults", refuse_status=fault)
        await command(supabase, "realtime/drop")
        await soon(service, user, expected)


def test_the_offer_names_a_transport_only_where_the_service_listens_itself() -> None:
    listening, not_listening = (
        made(Supabase(url=URL, publishable_key=KEY, realtime=listens)).transport for listens in (True, False)
    )
    assert (listening, not_listening) == ("supabase", None)


async def test_a_conversation_without_realtime_is_not_offered(service: Client, supabase: Stack) -> None:
    user = await sign_up(supabase)
    await add(service, user)
    for choice, expected in (("off", ["poll"]), ("inherit", ["direct", "poll"])):
        await change(service, realtime=choice)
        await asyncio.sleep(TTL)
        assert edges(await connect(service, user)) == expected


@pytest.mark.parametrize(
    "environ",
    [{"SUPABASE__PUBLISHABLE_KEY": ""}, {"SUPABASE__DIRECT": "false"}, {"SUPABASE__HISTORY": "false"}],
    ids=["no key for browsers", "switched off", "logs elsewhere"],
)
async def test_without_its_settings_there_is_no_offer(
    start: Start, supabase: Stack, environ: dict[str, str], tmp_path: Any
) -> None:
    service = await start(CORE__DATABASE=str(tmp_path / "chat.sqlite3"), **environ)
    user = await sign_up(supabase)
    await add(service, user)
    assert edges(await connect(service, user)) == ["poll"]


async def test_after_a_removal_the_remaining_are_offered_the_new_topic(service: Client, supabase: Stack) -> None:
    user, other = await sign_up(supabase), await sign_up(supabase, "b@example.com")
    await add(service, user, other)
    before = (await offered(service, user))["topic"]
    await add(service, user)
    await asyncio.sleep(TTL)
    after = (await offered(service, user))["topic"]
    assert after != before
    refused = await service.post("/v1/conversations/room/connect", headers=other.bearer)
    assert refused.status_code == 403


async def change(service: Client, **changes: Any) -> httpx.Response:
    answer = await service.patch("/v1/conversations/room", headers=N8N, json=changes)
    assert answer.status_code == 200, answer.text
    return answer
