"""Temporary users are always deleted; forged tokens are what they should be; answers to attempts are judged rightly."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable

import httpx
import jwt
import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.doctor.actors import UsersUnavailable, forged_tokens, temporary_users
from umbral_chat_realtime_supabase.doctor.attempts import AccessRecord, attempts, try_all
from umbral_chat_realtime_supabase.doctor.project import Project, Scratch
from umbral_chat_realtime_supabase.settings import Supabase

URL = "https://abcdefghijklm.supabase.co"
SCRATCH = Scratch("umbral-chat-doctor:" + "0" * 32, "umbral_chat:i:doctor-" + "0" * 32)


class Auth:
    """A stand-in for Auth: `users` are those that exist; `refusals` are statuses to answer with, by step."""

    def __init__(self, **refusals: int) -> None:
        self.users: set[str] = set()
        self.refusals = refusals
        self.deletions = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        match request.method, request.url.path:
            case "POST", "/auth/v1/admin/users":
                return self._made("create", lambda subject: {"id": subject})
            case "POST", "/auth/v1/token":
                return self._answer("sign_in", {"access_token": "t"})
            case "POST", "/auth/v1/signup":
                return self._made("anonymous", lambda subject: {"access_token": "t", "user": {"id": subject}})
            case "DELETE", path:
                self.deletions += 1
                if "delete" in self.refusals:
                    return httpx.Response(self.refusals["delete"])
                self.users.discard(path.rpartition("/")[2])
                return httpx.Response(200, json={})
        raise AssertionError(request.url)

    def _made(self, name: str, body: Callable[[str], dict[str, object]]) -> httpx.Response:
        if name in self.refusals:
            return self._answer(name, {})
        subject = f"u{len(self.users)}"
        self.users.add(subject)
        return httpx.Response(200, json=body(subject))

    def _answer(self, name: str, body: dict[str, object]) -> httpx.Response:
        status = self.refusals.get(name)
        return httpx.Response(200, json=body) if status is None else httpx.Response(status, json={"error_code": name})


def project() -> Project:
    settings = Supabase(url=URL, key=Secret("sb_secret_x"), publishable_key="sb_publishable_x")
    return Project(settings, SystemClock(), Telemetry(None))


def client(auth: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=URL, transport=httpx.MockTransport(auth))


async def test_users_exist_inside_the_block_and_are_deleted_after_it() -> None:
    auth, examined = Auth(), project()
    async with client(auth) as http, temporary_users(examined, http, 2) as found:
        assert {each.id for each in found} == auth.users == {"u0", "u1"}
        assert "'t'" not in repr(found)
    assert auth.users == set()
    assert examined.left_behind == []


async def test_users_are_deleted_when_the_block_raises() -> None:
    auth = Auth()
    with pytest.raises(RuntimeError, match="on purpose"):
        async with client(auth) as http, temporary_users(project(), http, 2):
            raise RuntimeError("on purpose")
    assert auth.users == set()


async def test_a_user_that_cannot_sign_in_is_deleted_too_and_an_anonymous_one_replaces_it() -> None:
    auth = Auth(sign_in=422)
    async with client(auth) as http, temporary_users(project(), http, 1) as found:
        assert [each.id for each in found] == ["u1"]
    assert auth.users == set()


async def test_where_no_user_can_be_made_the_error_says_why_and_none_remains() -> None:
    auth = Auth(sign_in=422, anonymous=403)
    with pytest.raises(UsersUnavailable, match="Auth answers sign_in; anonymously: Auth answers anonymous"):
        async with client(auth) as http, temporary_users(project(), http, 2):
            raise AssertionError("a user was made")
    assert auth.users == set()


async def test_a_user_that_cannot_be_deleted_is_named() -> None:
    auth, examined = Auth(delete=500), project()
    async with client(auth) as http, temporary_users(examined, http, 1):
        pass
    assert auth.deletions == 3
    assert examined.left_behind == ["user u0"]


def test_forged_tokens_claim_to_be_the_service_and_no_key_verifies_them() -> None:
    secret = "s" * 32
    real = jwt.encode({"role": "authenticated", "sub": "u", "exp": 4_000_000_000}, secret, "HS256")
    found = forged_tokens("issuer", "u", real)
    assert list(found) == ["made-up secret", "unsigned", "changed role"]
    for token in found.values():
        assert jwt.decode(token, options={"verify_signature": False})["role"] == "service_role"
        with pytest.raises(jwt.InvalidTokenError):
            jwt.decode(token, secret, ["HS256"], options={"verify_aud": False})
    assert jwt.get_unverified_header(found["unsigned"])["alg"] == "none"
    assert found["changed role"].rpartition(".")[2] == real.rpartition(".")[2]
    assert list(forged_tokens("issuer", "u", None)) == ["made-up secret", "unsigned"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"code": "42501"}, "refused"),
        (403, {"code": "42501"}, "refused"),
        (401, {"message": "Invalid API key"}, "refused"),
        (200, [], "nothing"),
        (200, [{"id": "x"}], "breach"),
        (400, {"code": "23502"}, "breach"),
        (400, {"code": "22023"}, "breach"),
        (404, {"code": "PGRST202"}, "unclear"),
        (503, "<html>", "unclear"),
    ],
)
async def test_an_answer_is_judged_by_status_and_body(status: int, body: object, kind: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))

    record, many = AccessRecord(), len(attempts(SCRATCH))
    async with client(answer) as http:
        await try_all(http, {}, SCRATCH, record, asyncio.Semaphore(8))
    counts = (record.refused, len(record.breaches), len(record.unclear))
    match kind:
        case "refused":
            assert counts == (many, 0, 0)
        case "breach":
            assert counts == (0, many, 0)
        case "unclear":
            assert counts == (0, 0, many)
        case _:
            # An insert or a call that is answered with success is a breach.
            asked = [attempt for attempt in attempts(SCRATCH) if attempt.table is not None]
            assert counts == (len(asked), many - len(asked), 0)


@pytest.mark.parametrize("met", [502, 503, httpx.RemoteProtocolError, httpx.ReadError])
async def test_an_attempt_whose_connection_just_ended_is_retried_once(met: int | type[httpx.TransportError]) -> None:
    made: Counter[str] = Counter()

    def answer(request: httpx.Request) -> httpx.Response:
        made[f"{request.method} {request.url.path}"] += 1
        if made[f"{request.method} {request.url.path}"] > 1:
            return httpx.Response(403, json={"code": "42501"})
        if isinstance(met, int):
            return httpx.Response(met, json={"code": "PGRST000"})
        raise met("the connection ended")

    record, many = AccessRecord(), len(attempts(SCRATCH))
    async with client(answer) as http:
        await try_all(http, {}, SCRATCH, record, asyncio.Semaphore(8))
    assert (record.refused, record.breaches, record.unclear) == (many, [], [])
    assert set(made.values()) == {2}


@pytest.mark.parametrize(("met", "times"), [(503, 2), (httpx.ReadError, 2), (500, 1), (httpx.ReadTimeout, 1)])
async def test_no_attempt_is_retried_more_than_once(met: int | type[httpx.TransportError], times: int) -> None:
    made: Counter[str] = Counter()

    def answer(request: httpx.Request) -> httpx.Response:
        made[f"{request.method} {request.url.path}"] += 1
        if isinstance(met, int):
            return httpx.Response(met, json={"code": "PGRST000"})
        raise met("on purpose")

    record, many = AccessRecord(), len(attempts(SCRATCH))
    async with client(answer) as http:
        await try_all(http, {}, SCRATCH, record, asyncio.Semaphore(8))
    assert (record.refused, record.breaches, len(record.unclear)) == (0, [], many)
    assert set(made.values()) == {times}


def test_attempts_aim_at_the_scratch_conversation_only() -> None:
    for attempt in attempts(SCRATCH):
        if attempt.verb in {"PATCH", "DELETE"}:
            assert f"=eq.{SCRATCH.conversation}" in attempt.path
        elif attempt.path.endswith(("umbral_chat_append", "umbral_chat_update")):
            assert (attempt.body or {})["p_conversation"] == SCRATCH.conversation
        elif attempt.verb == "POST" and "/rpc/" not in attempt.path:
            assert list((attempt.body or {}).values()) == [None]
