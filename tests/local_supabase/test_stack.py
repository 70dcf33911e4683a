"""The local Supabase behaves like a hosted one: the real Python client works with it, and the same rules apply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from supabase import AsyncClient, AsyncClientOptions, acreate_client
from supabase_auth.errors import AuthApiError

from tests.local_supabase.people import (
    PASSWORD,
    command,
    refresh,
    sign_in,
    sign_in_anonymously,
    sign_out,
    sign_up,
)
from tests.local_supabase.stack.api import Stack


@pytest.fixture
async def client(supabase: Stack) -> AsyncIterator[AsyncClient]:
    """The real client with the publishable key."""
    async with httpx.AsyncClient(timeout=30) as http:
        options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
        yield await acreate_client(supabase.url, supabase.publishable_key, options)


async def keys_of(stack: Stack) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.get(f"{stack.url}/auth/v1/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=600"
    return {key["kid"]: jwt.PyJWK(key).key for key in answer.json()["keys"]}


async def verified(stack: Stack, token: str) -> dict[str, Any]:
    keys = await keys_of(stack)
    kid = jwt.get_unverified_header(token)["kid"]
    claims: dict[str, Any] = jwt.decode(
        token, keys[kid], ["ES256"], audience="authenticated", issuer=f"{stack.url}/auth/v1"
    )
    return claims


async def test_the_real_client_signs_up_in_and_out(client: AsyncClient, supabase: Stack) -> None:
    signed_up = await client.auth.sign_up({"email": "a@example.com", "password": PASSWORD})
    assert signed_up.session is not None
    signed_in = await client.auth.sign_in_with_password({"email": "a@example.com", "password": PASSWORD})
    assert signed_in.session is not None
    assert signed_in.user is not None
    refreshed = await client.auth.refresh_session()
    assert refreshed.session is not None
    found = await client.auth.get_user()
    assert found is not None
    assert found.user.id == signed_in.user.id
    token = refreshed.session.access_token
    await client.auth.sign_out()
    with pytest.raises(AuthApiError, match="Session from session_id claim in JWT does not exist"):
        await client.auth.get_user(token)
    with pytest.raises(AuthApiError):
        await client.auth.sign_in_with_password({"email": "a@example.com", "password": "wrong-password"})


async def test_a_token_has_supabases_claims_and_verifies_by_the_published_keys(supabase: Stack) -> None:
    user = await sign_up(supabase, name="Añ")
    claims = await verified(supabase, user.access_token)
    assert set(claims) == {
        *("iss", "sub", "aud", "exp", "iat", "email", "phone", "app_metadata", "user_metadata", "role", "aal", "amr"),
        *("session_id", "is_anonymous"),
    }
    assert (claims["sub"], claims["role"], claims["is_anonymous"]) == (user.id, "authenticated", False)
    assert claims["user_metadata"]["name"] == "Añ"


async def test_the_session_of_a_token_is_in_the_database_until_it_ends(supabase: Stack) -> None:
    user = await sign_up(supabase)
    again = await refresh(supabase, user)
    first = (await verified(supabase, user.access_token))["session_id"]
    assert (await verified(supabase, again.access_token))["session_id"] == first
    other = (await verified(supabase, (await sign_in(supabase, user.email)).access_token))["session_id"]
    assert sessions(supabase) == {first, other}
    await sign_out(supabase, user)
    assert sessions(supabase) == set()


def sessions(stack: Stack) -> set[str]:
    # As the role that runs migrations, which may read Auth's tables on a hosted project.
    with psycopg.connect(stack.db_url) as connection:
        return {str(found) for (found,) in connection.execute("select id from auth.sessions").fetchall()}


async def test_an_anonymous_user_is_marked_as_one(supabase: Stack) -> None:
    user = await sign_in_anonymously(supabase)
    claims = await verified(supabase, user.access_token)
    assert (claims["is_anonymous"], claims["email"], claims["amr"][0]["method"]) == (True, "", "anonymous")


async def test_keys_rotate_and_old_tokens_are_valid_until_the_old_key_is_dropped(supabase: Stack) -> None:
    old = await sign_up(supabase)
    before = set(await keys_of(supabase))
    await command(supabase, "jwks/rotate")
    after = set(await keys_of(supabase))
    assert before < after
    assert len(after - before) == 1
    await verified(supabase, old.access_token)
    new = await sign_in(supabase, old.email)
    kids = [jwt.get_unverified_header(user.access_token)["kid"] for user in (old, new)]
    assert kids[0] != kids[1]
    async with httpx.AsyncClient(base_url=supabase.url, timeout=30) as http:
        await http.post("/_control/jwks/rotate?drop=1")
    assert not set(kids) & set(await keys_of(supabase))
    assert (await rest(supabase, "GET", "umbral_chat_entries", token=new.access_token)).status_code == 401


async def rest(
    stack: Stack, method: str, path: str, *, key: str | None = None, token: str | None = None, **more: Any
) -> httpx.Response:
    headers = {"apikey": key or stack.publishable_key} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(base_url=f"{stack.url}/rest/v1/", timeout=30) as http:
        return await http.request(method, path, headers=headers, **more)


async def test_each_key_has_its_role(supabase: Stack) -> None:
    state = "rpc/umbral_chat_state"
    for key in (supabase.secret_key, supabase.service_role_key):
        assert (await rest(supabase, "POST", state, key=key, json={})).status_code == 200
    for key in (supabase.publishable_key, supabase.anon_key):
        answer = await rest(supabase, "POST", state, key=key, json={})
        assert answer.json()["code"] == "42501"
    for key in ("sb_secret_wrong", "not.a.key"):
        answer = await rest(supabase, "POST", state, key=key, json={})
        assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{supabase.url}/rest/v1/{state}", json={})
        assert answer.json()["message"] == "No API key found in request"
        browser = {"apikey": supabase.secret_key, "User-Agent": "Mozilla/5.0"}
        assert (await http.post(f"{supabase.url}/rest/v1/{state}", json={}, headers=browser)).status_code == 401


async def test_a_users_token_reaches_the_policies(supabase: Stack) -> None:
    user = await sign_up(supabase)
    with psycopg.connect(supabase.admin_db_url) as connection:
        connection.execute(
            "create table public.who (id uuid default auth.uid(), claims jsonb default auth.jwt()); "
            "alter table public.who enable row level security; grant all on public.who to authenticated; "
            "create policy own on public.who for all to authenticated using (id = (select auth.uid()))"
        )
    try:
        await command(supabase, "rest/restart")
        wrote = await rest(supabase, "POST", "who", token=user.access_token, json={"id": user.id})
        assert wrote.status_code == 201, wrote.text
        (row,) = (await rest(supabase, "GET", "who", token=user.access_token)).json()
        assert row["id"] == user.id
        assert row["claims"]["iss"] == f"{supabase.url}/auth/v1"
        stranger = await sign_up(supabase, "b@example.com")
        assert (await rest(supabase, "GET", "who", token=stranger.access_token)).json() == []
    finally:
        with psycopg.connect(supabase.admin_db_url) as connection:
            connection.execute("drop table public.who")


async def test_rest_grants_no_rights_by_itself(supabase: Stack) -> None:
    user = await sign_up(supabase)
    await command(supabase, "rest/restart")
    for key in (None, supabase.secret_key):
        await rest(supabase, "GET", "umbral_chat_entries", key=key, token=None if key else user.access_token)
    with psycopg.connect(supabase.admin_db_url) as connection:
        rights = connection.execute(
            "select has_table_privilege('anon', 'public.umbral_chat_entries', 'select'), "
            "has_table_privilege('service_role', 'public.umbral_chat_records', 'delete'), "
            "has_sequence_privilege('authenticated', 'public.umbral_chat_versions', 'usage')"
        ).fetchone()
    assert rights == (False, False, False)


async def test_the_secret_key_makes_and_deletes_users_and_the_publishable_one_does_not(
    client: AsyncClient, supabase: Stack
) -> None:
    given: Any = {"email": "new@example.com", "password": PASSWORD, "email_confirm": True}
    with pytest.raises(AuthApiError, match="not allowed"):
        await client.auth.admin.create_user(given)
    async with httpx.AsyncClient(timeout=30) as http:
        options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
        admin = (await acreate_client(supabase.url, supabase.secret_key, options)).auth.admin
        made = (await admin.create_user(given)).user
        user = await sign_in(supabase, "new@example.com")
        assert user.id == made.id
        with pytest.raises(AuthApiError, match="not allowed"):
            await client.auth.admin.delete_user(user.id)
        await admin.delete_user(user.id)
        with pytest.raises(AuthApiError, match="not found"):
            await admin.delete_user(user.id)
    with pytest.raises(AuthApiError, match="credentials"):
        await client.auth.sign_in_with_password({"email": "new@example.com", "password": PASSWORD})


async def test_an_expired_or_forged_token_is_refused(supabase: Stack) -> None:
    user = await sign_up(supabase)
    forged = user.access_token[:-6] + "AAAAAA"
    assert (await rest(supabase, "GET", "umbral_chat_entries", token=forged)).status_code == 401


async def test_after_a_crash_of_the_database_rest_answers_again(supabase: Stack) -> None:
    state = "rpc/umbral_chat_state"
    await command(supabase, "postgres/kill")
    try:
        assert (await rest(supabase, "POST", state, key=supabase.secret_key, json={})).status_code >= 500
    finally:
        await command(supabase, "postgres/start")
    assert (await rest(supabase, "POST", state, key=supabase.secret_key, json={})).status_code == 200


async def test_faults_of_rest_occur_as_often_as_commanded(supabase: Stack) -> None:
    await command(supabase, "rest/fault", times=2, status=503, body="down")
    answers = [await rest(supabase, "GET", "", key=supabase.secret_key) for _ in range(3)]
    assert [answer.status_code for answer in answers][:2] == [503, 503]
    assert answers[2].status_code != 503
    await command(supabase, "rest/fault", times=1, abort=True)
    with pytest.raises(httpx.TransportError):
        await rest(supabase, "GET", "")


def test_the_migrations_role_is_no_superuser_and_public_tables_are_granted_to_all_roles(supabase: Stack) -> None:
    with psycopg.connect(supabase.db_url) as connection:
        row = connection.execute(
            "select rolsuper, rolbypassrls, pg_has_role('supabase_realtime_admin', 'member') from pg_roles "
            "where rolname = current_user"
        ).fetchone()
        assert row == (False, True, False)
        connection.execute("create table public.fresh (id int)")
        for role in ("anon", "authenticated", "service_role"):
            allowed = connection.execute("select has_table_privilege(%s, 'public.fresh', 'delete')", (role,)).fetchone()
            assert allowed == (True,)
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "create policy mine on {} for select to authenticated using (false)",
        "alter policy umbral_chat_members_listen on {} rename to mine",
        "drop policy umbral_chat_members_listen on {}",
    ],
)
def test_policy_grants_allow_policies_only_on_the_tables_that_they_name(supabase: Stack, statement: str) -> None:
    with psycopg.connect(supabase.db_url) as connection:
        connection.execute(statement.format("realtime.messages").encode())
        row = connection.execute("select pg_has_role('supabase_realtime_admin', 'member')").fetchone()
        assert row == (False,), "the role stayed"
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner of table messages"):
            connection.execute("alter table realtime.messages disable row level security")
        connection.rollback()
        (partition,) = connection.execute(
            "select max(inhrelid::regclass::text) from pg_inherits where inhparent = 'realtime.messages'::regclass"
        ).fetchone() or ("",)
        if statement.startswith("create"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner of table"):
                connection.execute(statement.format(partition).encode())
        connection.rollback()
    with psycopg.connect(supabase.admin_db_url) as admin:
        admin.execute("delete from stand_in.policy_grants")
        with admin.transaction(force_rollback=True):
            admin.execute("set local role postgres")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner of"):
                admin.execute(statement.format("realtime.messages").encode())
        admin.rollback()
