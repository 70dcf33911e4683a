"""Users who are operators: with their own token they sign in at a service, and work on all its conversations."""

from __future__ import annotations

import json

import psycopg
import pytest
from umbral_chat.errors import SettingsError

from tests.local_supabase.people import User, sign_in, sign_up
from tests.local_supabase.service import N8N, Client, instances
from tests.local_supabase.stack.api import Stack

pytestmark = pytest.mark.slow

DESK = {
    "name": "desk",
    "key": "desk-key-for-tests-only-0001",
    "rights": ["inbox", "send_as", "read", "send", "moderate"],
}
KEYS = json.dumps([{"name": "n8n", "key": N8N["Authorization"].removeprefix("Bearer ")}, DESK])
ROOM = "/v1/conversations/room"


async def operator(supabase: Stack) -> User:
    """One whom the project's server made an operator."""
    await sign_up(supabase, "olga@example.com")
    metadata = json.dumps({"chat_role": "agent", "name": "Olga Petrova"})
    with psycopg.connect(supabase.admin_db_url, autocommit=True) as connection:
        connection.execute("update auth.users set raw_app_meta_data = %s", [metadata])
    return await sign_in(supabase, "olga@example.com")


async def begun(service: Client, user: User) -> dict[str, str]:
    """The header with the cookie of a session that the user begins."""
    answer = await service.post("/v1/session", json={"name": "Support Team"}, headers=user.bearer)
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "Olga Petrova"
    assert answer.json()["rights"] == sorted(DESK["rights"])
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "Origin": "http://127.0.0.1"}


async def test_an_operator_works_on_every_conversation_at_every_instance_and_keeps_what_it_took(
    supabase: Stack,
) -> None:
    async with instances(supabase) as start:
        one = await start(CORE__KEYS=KEYS, SUPABASE__OPERATOR_KEY="desk")
        two = await start(CORE__KEYS=KEYS, SUPABASE__OPERATOR_KEY="desk")
        user = await operator(supabase)
        await one.post(f"{ROOM}/messages", json={"content": "Where is it?"}, headers=N8N)
        assert (await one.get(f"{ROOM}/events", headers=user.bearer)).status_code == 403  # the token alone: no member
        session = await begun(one, user)
        one.cookies.clear()
        taken = await two.post(f"{ROOM}/takeover", json={}, headers=session)
        assert taken.json()["assignee"] == f"agent:desk:{user.id}"
        again = await begun(two, await sign_in(supabase, user.email))
        two.cookies.clear()
        mine = await one.get("/v1/conversations", params={"assignee": "me"}, headers=again)
        assert [each["id"] for each in mine.json()["conversations"]] == ["room"]
        said = await one.post(f"{ROOM}/messages", json={"content": "On its way."}, headers=again)
        assert said.status_code == 201, said.text
        newest = (await one.get(f"{ROOM}/messages", headers=N8N)).json()["messages"][-1]
        assert newest["sender"] == {"role": "agent", "id": f"agent:desk:{user.id}", "name": "Olga Petrova"}


async def test_other_users_may_not_sign_in(supabase: Stack) -> None:
    async with instances(supabase) as start:
        service = await start(CORE__KEYS=KEYS, SUPABASE__OPERATOR_KEY="desk")
        unset = await start(CORE__KEYS=KEYS)
        for instance, user in (
            (service, await sign_up(supabase, chat_role="agent")),
            (unset, await operator(supabase)),
        ):
            answer = await instance.post("/v1/session", json={"name": "Olga"}, headers=user.bearer)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            assert (await instance.get("/v1/conversations", headers=user.bearer)).status_code == 403


@pytest.mark.parametrize(("name", "why"), [("disk", "no key of this name"), ("weak", "lacks the rights")])
async def test_a_key_that_nobody_could_sign_in_with_is_refused_at_the_start(
    supabase: Stack, name: str, why: str
) -> None:
    keys = json.dumps([DESK, DESK | {"name": "weak", "key": "another-key-for-tests-0002", "rights": ["inbox"]}])
    async with instances(supabase) as start:
        with pytest.raises((SettingsError, ExceptionGroup)) as refused:
            await start(CORE__KEYS=keys, SUPABASE__OPERATOR_KEY=name)
        assert why in repr(refused.value)
