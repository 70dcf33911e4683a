"""JSON that is nested deeper in the database than the service accepts, as an earlier version or an SQL client may have
written it: it is read like any other, and a deep frame from the server does not end the link."""

from __future__ import annotations

import asyncio
import json

import msgspec
import psycopg
import pytest
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.depth import is_deeper, value_is_deeper
from umbral_chat.providers.transport import HeadHint, TransportEvent
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.client import client
from umbral_chat_realtime_supabase.live.hints import hints
from umbral_chat_realtime_supabase.live.phoenix_protocol import Broadcast, PhoenixProtocol
from umbral_chat_realtime_supabase.live.session import _message
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.users.jwks import Jwks

from tests.local_supabase.service import N8N, instances
from tests.local_supabase.stack.api import Stack

from .live.wire import TOPICS, bring_up, broadcast

URL = "https://abcdefghijklmnopqrst.supabase.co"
DEPTHS = [150, 900, 950, 975, 1_500]
"""The REST that stands in for PostgREST ends at some 2,000."""


def nested(levels: int, *, inside: str = '"]}"') -> str:
    return "[" * levels + inside + "]" * levels


def entry(levels: int, message_id: str) -> str:
    """The entry of a message whose metadata is `levels` deep, as a function of the database takes it."""
    said = {"kind": "message", "sender": {"role": "user"}, "message_id": message_id, "content": f"{levels} deep"}
    return f'{json.dumps(said)[:-1]}, "metadata": {{"a": {nested(levels - 1)}}}}}'


async def test_what_lies_in_the_database_is_read_on_every_route(supabase: Stack) -> None:
    path = "/v1/conversations/room"
    async with instances(supabase) as start:
        service = await start()
        assert (await service.post(f"{path}/messages", headers=N8N, json={"content": "first"})).status_code == 201
        # While the service follows the conversation: what is broadcast of it is deep, too.
        assert (await service.get(f"{path}/events", headers=N8N)).status_code == 200
        with psycopg.connect(supabase.admin_db_url, autocommit=True) as admin:
            for levels in DEPTHS:
                admin.execute("select public.umbral_chat_append('room', %s, 'u1')", (entry(levels, f"deep-{levels}"),))
            admin.execute(
                "update public.umbral_chat_conversations set metadata = %s where id = 'room'",
                (f'{{"a": {nested(1_000)}}}',),
            )
        other = await start()
        for each in (service, other):
            for read in ("", "/messages", "/events?wait=20", "/transcript"):
                answer = await each.get(path + read, headers=N8N)
                assert answer.status_code == 200, answer.text
                async with asyncio.timeout(60):
                    # What is broadcast is on its way, or was lost and is reconciled.
                    while "events" in read and f"deep-{DEPTHS[-1]}" not in answer.text:
                        answer = await each.get(path + read, headers=N8N)
                        assert answer.status_code == 200, answer.text
                assert is_deeper(answer.content, 999)
            assert is_deeper((await each.get("/v1/conversations", headers=N8N)).content, 999)
        edited = await service.patch(f"{path}/messages/deep-975", headers=N8N, json={"content": "edited"})
        assert edited.status_code == 200
        assert (await service.patch(path, headers=N8N, json={"title": "New"})).status_code == 200
        assert (await service.delete(f"{path}/messages/deep-1500", headers=N8N)).status_code == 200
        status = (await service.get("/v1/status", headers=N8N)).json()
        assert status["mode"] == "live"


@pytest.mark.parametrize("levels", DEPTHS)
async def test_a_deep_answer_is_an_answer(httpx_mock: HTTPXMock, levels: int) -> None:
    settings = Supabase(url=URL, key=Secret("sb_secret_for-tests"), retries=0)
    calls = Calls(settings, SystemClock(), Telemetry(None))
    stored = json.loads(entry(3, "m")) | {"seq": 1, "at": "2026-01-01T00:00:00Z"}
    metadata = f'{{"a":{nested(levels)}}}'
    text = json.dumps({"entry": stored, "created": True, "epoch": "e" * 10})
    httpx_mock.add_response(content=text.replace(json.dumps(stored["metadata"]), metadata).encode())
    async with client(settings, Secret("sb_secret_for-tests")) as opened:
        calls.client = opened
        found = (await calls.call(rpc_results.WriteResult, "append")).appended.entry
    assert not value_is_deeper(found, 200)
    assert f'"metadata":{metadata}'.encode() in msgspec.json.encode(found)


@pytest.mark.parametrize("levels", [150, 900, 975, 2_500, 100_000])
def test_a_deep_frame_ends_no_link(levels: int) -> None:
    made = PhoenixProtocol(TOPICS, token=None, heartbeat=25.0, now=0.0)
    bring_up(made, 0.0)
    payload = {"conversation": "room", "epoch": "e" * 10, "seq": 7, "entry": "DEEP"}
    for event in ("entry", "signals", "deleted", "unheard-of"):
        made.receive(broadcast(TOPICS[0], event, payload).replace('"DEEP"', entry(levels, "m")), 1.0)
    made.receive(f'{{"topic": "phoenix", "event": {nested(levels)}}}', 1.0)
    made.receive(nested(levels), 1.0)
    made.receive(nested(levels)[:levels], 1.0)
    made.receive(broadcast(TOPICS[0], "deleted", {"conversation": "room"}), 2.0)
    assert made.disconnection is None
    # Of the entry there is a head at once, up to which it is read from the history.
    found = [_hints(each) for each in made.broadcasts]
    head = HeadHint("room", Head("e" * 10, 7))
    assert found == [[head], None, [HeadHint("room", Deleted())], [], [HeadHint("room", Deleted())]]


def _hints(received: Broadcast) -> list[TransportEvent] | None:
    """None: it cannot be read."""
    try:
        return list(hints(received, watched={"room"}, instance="i"))
    except msgspec.DecodeError:
        return None


def test_a_refused_handshake_with_a_deep_body_is_no_failure() -> None:
    assert _message(nested(5_000).encode()) == ""


async def test_deep_public_keys_are_none(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=f'{{"keys": [{{"kid": {nested(5_000)}}}]}}'.encode())
    jwks = Jwks(f"{URL}/auth/v1/.well-known/jwks.json", SystemClock(), ttl=600.0, cooldown=30.0, timeout=5.0)
    with pytest.raises(Exception, match="public keys cannot be read"):
        await jwks.key("any")
