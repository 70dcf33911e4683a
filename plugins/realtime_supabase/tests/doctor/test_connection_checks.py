"""The first checks: what answers at the URL, keys that expire, clocks that differ."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.providers.edges import CheckResult
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.doctor import connection_checks
from umbral_chat_realtime_supabase.doctor.clock_check import skew
from umbral_chat_realtime_supabase.doctor.connection_checks import parse_legacy_key
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.settings import Supabase

from tests.local_supabase.stack.api import Stack

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
URL = "https://abcdefghijklm.supabase.co"


def project(**given: object) -> Project:
    return Project(Supabase(**({"url": URL} | given)), SystemClock(), Telemetry(None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (540, "", "paused"),
        (503, "<html>", "an error of its own (503)"),
        (404, '{"message": "no such page"}', "not as a Supabase project"),
        (200, "<html>", "not as a Supabase project"),
        (302, "", "not as a Supabase project"),
    ],
)
async def test_an_answer_that_is_not_a_projects_is_named(
    httpx_mock: HTTPXMock, status: int, body: str, words: str
) -> None:
    httpx_mock.add_response(status_code=status, text=body, is_reusable=True)
    found = await connection_checks.reached(project())
    assert not found.ok
    assert words in found.detail
    assert found.mend


async def test_a_project_that_refuses_the_key_is_reached(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=401, json={"message": "Invalid API key"}, is_reusable=True)
    assert (await connection_checks.reached(project())).ok


async def test_a_host_name_that_does_not_resolve_is_a_paused_project(httpx_mock: HTTPXMock) -> None:
    error = httpx.ConnectError("unknown")
    error.__cause__ = socket.gaierror()
    httpx_mock.add_exception(error)
    found = await connection_checks.reached(project())
    assert not found.ok
    assert "the project is paused or deleted" in found.detail


async def checked(stack: Stack, role: str, left: timedelta, *, secret: bool = True) -> CheckResult:
    """A legacy key of the stack's that expires after `left`."""
    ends = datetime.now(UTC) + left
    key = jwt.encode({"iss": "supabase", "role": role, "exp": int(ends.timestamp())}, stack.jwt_secret, "HS256")
    if secret:
        return await connection_checks.secret_key(project(url=stack.url, key=Secret(key)))
    return await connection_checks.publishable_key(project(url=stack.url, publishable_key=key))


@pytest.mark.parametrize(("days", "words"), [(5, "this legacy key expires on"), (-5, "this legacy key expired on")])
@pytest.mark.parametrize(("role", "secret"), [("service_role", True), ("anon", False)])
async def test_a_legacy_key_that_expires_soon_fails(
    supabase: Stack, days: int, words: str, role: str, secret: bool
) -> None:
    found = await checked(supabase, role, timedelta(days=days), secret=secret)
    assert not found.ok
    assert words in found.detail
    assert "Set supabase." in (found.mend or "")


@pytest.mark.parametrize(("role", "secret"), [("service_role", True), ("anon", False)])
async def test_a_legacy_key_that_lasts_passes(supabase: Stack, role: str, secret: bool) -> None:
    assert (await checked(supabase, role, timedelta(days=40), secret=secret)).ok


async def test_public_keys_are_not_checked_where_users_are_off(supabase: Stack) -> None:
    assert (await connection_checks.public_keys(project(url=supabase.url, users=False))).skipped


async def test_a_legacy_secret_stands_in_for_public_keys(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"keys": []})
    found = await connection_checks.public_keys(project(jwt_secret=Secret("s" * 32)))
    assert found.ok
    assert "supabase.jwt_secret" in found.detail


async def test_keys_of_an_unknown_kind_are_no_keys(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"keys": [{"kid": "a", "alg": "HS256"}, {"alg": "ES256"}]})
    assert not (await connection_checks.public_keys(project())).ok


def test_an_opaque_key_has_no_claims() -> None:
    assert parse_legacy_key("sb_secret_abc") is None
    assert parse_legacy_key("a.b.c") is None


def test_skew_is_certain_beyond_the_round_trip_and_the_resolution() -> None:
    after = NOON + timedelta(seconds=2)
    level = skew("x", NOON + timedelta(seconds=1), NOON, after)
    assert (level.ahead, level.uncertainty, level.least) == (0.0, 1.0, 0.0)
    ahead = skew("x", NOON + timedelta(seconds=31), NOON, after)
    assert (ahead.ahead, ahead.least) == (30.0, 29.0)
    late = skew("x", NOON - timedelta(seconds=30), NOON, NOON, resolution=1.0)
    assert (late.ahead, late.least) == (-29.5, 29.0)
