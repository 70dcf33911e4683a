"""The stand-in's frames, limits and faults, tested by a client of the bare protocol."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import httpx
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local_supabase.people import command, sign_up
from tests.local_supabase.stack.api import Stack

from .frames import BROADCAST, PUSH, BadFrame, Frame, decode, encode

NAMES = st.text(max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(topic=NAMES, event=NAMES, payload=st.dictionaries(st.text(), JSON), ref=NAMES, join_ref=NAMES)
def test_text_frames_of_both_versions_read_as_they_were(
    topic: str, event: str, payload: dict[str, Any], ref: str, join_ref: str
) -> None:
    v1 = {"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
    wanted = Frame(topic, event, payload, ref, join_ref)
    assert decode(json.dumps(v1), 1) == wanted
    assert decode(json.dumps([join_ref, ref, topic, event, payload]), 2) == wanted


@given(topic=NAMES, event=NAMES, payload=JSON, ref=NAMES, join_ref=NAMES)
def test_binary_pushes_read_as_they_were(topic: str, event: str, payload: Any, ref: str, join_ref: str) -> None:
    names = [part.encode() for part in (join_ref, ref, topic, event, "")]
    body = json.dumps(payload).encode()
    data = struct.pack("7B", PUSH, *map(len, names), 1) + b"".join(names) + body
    frame = decode(data, 2)
    assert (frame.topic, frame.event, frame.ref, frame.join_ref) == (topic, "broadcast", ref or None, join_ref or None)
    assert frame.payload == {"type": "broadcast", "event": event, "payload": payload}
    with pytest.raises(BadFrame):
        decode(bytes([9]) + data[1:], 2)


@given(topic=NAMES, event=NAMES, payload=JSON, id_=st.none() | NAMES)
def test_binary_broadcasts_hold_what_they_tell(topic: str, event: str, payload: Any, id_: str | None) -> None:
    body: dict[str, Any] = {"type": "broadcast", "event": event, "payload": payload}
    meta = {} if id_ is None else {"meta": {"id": id_}}
    raw = json.dumps(payload).encode()
    data = encode(Frame(topic, "broadcast", body | meta, json=raw), 2)
    assert isinstance(data, bytes)
    kind, *lengths, encoding = struct.unpack_from("5B", data)
    parts, at = [], 5
    for length in lengths:
        parts.append(data[at : at + length].decode())
        at += length
    assert (kind, encoding, parts[:2]) == (BROADCAST, 1, [topic, event])
    assert json.loads(data[at:]) == payload
    assert (json.loads(parts[2]) if parts[2] else None) == (None if id_ is None else {"id": id_})


@pytest.mark.parametrize(
    "data",
    ["", "{}", "[]", "[1,2,3]", "null", '{"topic":"x"}', b"", b"\x03", b"\x03\x09\x00\x00\x00\x00\x01"],
)
@pytest.mark.parametrize("vsn", [1, 2])
def test_what_is_no_frame_is_said_to_be_none(data: str | bytes, vsn: int) -> None:
    with pytest.raises(BadFrame):
        decode(data, vsn)


def test_a_binary_payload_never_reaches_version_1() -> None:
    frame = Frame("realtime:x", "broadcast", {"type": "broadcast", "event": "e"}, binary=b"\x00\xff")
    assert encode(frame, 1) is None
    assert isinstance(encode(frame, 2), bytes)


UNMATCHED = {"status": "error", "response": {"reason": "unmatched topic"}}


class Wire:
    """A socket of version 1."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._refs = count(1)

    async def send(self, topic: str, event: str, payload: dict[str, Any] | None = None) -> str:
        ref = str(next(self._refs))
        await self.socket.send_json({"topic": topic, "event": event, "payload": payload or {}, "ref": ref})
        return ref

    async def ask(self, topic: str, event: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        ref = await self.send(topic, event, payload)
        while (frame := await self.read())["ref"] != ref:
            pass
        found: dict[str, Any] = frame["payload"]
        return found

    async def read(self, within: float = 20.0) -> dict[str, Any]:
        found: dict[str, Any] = await self.socket.receive_json(timeout=within)
        return found

    async def broadcasts(self, number: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < number:
            frame = await self.read()
            if frame["event"] == "broadcast":
                found.append(frame["payload"]["payload"]["n"])
        return found

    async def receives_nothing(self, within: float = 0.4) -> bool:
        try:
            await self.read(within)
        except TimeoutError:
            return True
        return False

    async def join(self, name: str = "room:1", token: str | None = None, **config: Any) -> dict[str, Any]:
        payload: dict[str, Any] = {"config": config} | ({} if token is None else {"access_token": token})
        return await self.ask(f"realtime:{name}", "phx_join", payload)


@pytest.fixture
async def stack(supabase: Stack) -> AsyncIterator[Stack]:
    await command(supabase, "realtime/reset")
    yield supabase
    await command(supabase, "realtime/reset")


@asynccontextmanager
async def wire(stack: Stack, key: str | None = None) -> AsyncIterator[Wire]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{stack.url}/realtime/v1/websocket", params={"apikey": key or stack.publishable_key}
        ) as socket,
    ):
        yield Wire(socket)


async def tell(stack: Stack, *numbers: int, topic: str = "room:1") -> None:
    """Broadcast over HTTP."""
    messages = [{"topic": topic, "event": "e", "payload": {"n": number}} for number in numbers]
    async with httpx.AsyncClient(timeout=30, headers={"apikey": stack.secret_key}) as http:
        answer = await http.post(f"{stack.url}/realtime/v1/api/broadcast", json={"messages": messages})
    assert answer.status_code == 202, answer.text


async def test_a_heartbeat_is_answered(stack: Stack) -> None:
    async with wire(stack) as one:
        assert await one.ask("phoenix", "heartbeat") == {"status": "ok", "response": {}}


async def test_a_join_is_answered_and_so_is_leaving(stack: Stack) -> None:
    async with wire(stack) as one:
        assert (await one.join())["status"] == "ok"
        assert (await one.ask("realtime:room:1", "phx_leave"))["status"] == "ok"
        assert (await one.read())["event"] == "phx_close"


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("x.y.z", "MalformedJWT"),
        (jwt.encode({"role": "anon", "exp": 4102444800}, "w" * 32, "HS256"), "JwtSignatureError"),
    ],
)
async def test_a_join_with_a_bad_token_says_why(stack: Stack, token: str, says: str) -> None:
    async with wire(stack) as one:
        assert says in (await one.join(token=token))["response"]["reason"]


async def test_expired_and_incomplete_tokens_are_named(stack: Stack) -> None:
    async with wire(stack) as one:
        expired = jwt.encode({"role": "anon", "exp": int(time.time()) - 5}, stack.jwt_secret, "HS256")
        assert "Token has expired" in (await one.join(token=expired))["response"]["reason"]
        bare = jwt.encode({"exp": int(time.time()) + 50}, stack.jwt_secret, "HS256")
        assert "Fields `role` and `exp` are required" in (await one.join(token=bare))["response"]["reason"]


async def test_a_channel_ends_when_its_token_does(stack: Stack) -> None:
    short = jwt.encode({"role": "authenticated", "exp": int(time.time()) + 6}, stack.jwt_secret, "HS256")
    async with wire(stack) as one:
        assert (await one.join(token=short))["status"] == "ok"
        frame = await one.read(20)
        assert (frame["event"], frame["payload"]["status"]) == ("system", "error")
        assert "Token has expired" in frame["payload"]["message"]
        assert (await one.read())["event"] == "phx_close"
        assert (await one.ask("phoenix", "heartbeat"))["status"] == "ok"


async def test_a_write_that_policies_forbid_is_never_answered(stack: Stack) -> None:
    user = await sign_up(stack)
    async with wire(stack, stack.secret_key) as service, wire(stack) as member:
        await service.join("umbral_chat:c:room", private=True)
        await member.join("room:1", broadcast={"ack": True})
        body = {"type": "broadcast", "event": "e", "payload": {"n": 1}}
        assert (await member.ask("realtime:room:1", "broadcast", body))["status"] == "ok"
        refused = await member.join("umbral_chat:c:room", token=user.access_token, private=True)
        assert refused["status"] == "error"
        assert await member.ask("realtime:umbral_chat:c:room", "broadcast", body) == UNMATCHED
        assert await service.receives_nothing()


async def test_handshakes_are_refused_with_their_status(stack: Stack) -> None:
    async def status(key: str) -> int:
        with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
            async with wire(stack, key):
                pass
        return raised.value.status

    assert await status("sb_publishable_wrong") == 401
    for wanted in (403, 404, 429, 500, 503):
        await command(stack, "realtime/faults", refuse_status=wanted)
        assert await status(stack.publishable_key) == wanted
    await command(stack, "realtime/reset")
    await command(stack, "realtime/limits", users=1)
    async with wire(stack) as one:
        # A socket counts once it has joined something.
        await one.join()
        assert await status(stack.publishable_key) == 429


async def test_joins_are_refused_with_the_reason_commanded(stack: Stack) -> None:
    await command(
        stack, "realtime/faults", refuse_join="DatabaseLackOfConnections: Database can't accept more connections"
    )
    async with wire(stack) as one:
        assert "DatabaseLackOfConnections" in (await one.join())["response"]["reason"]


async def test_channels_joins_and_payloads_have_limits(stack: Stack) -> None:
    await command(stack, "realtime/limits", channels_per_client=2, payload=100)
    async with wire(stack) as one:
        assert (await one.join("a"))["status"] == "ok"
        assert (await one.join("b", broadcast={"ack": True}))["status"] == "ok"
        assert "ChannelRateLimitReached" in (await one.join("c"))["response"]["reason"]
        body = {"type": "broadcast", "event": "e", "payload": {"text": "x" * 2000}}
        assert (await one.ask("realtime:b", "broadcast", body))["status"] == "error"
    await command(stack, "realtime/limits", joins_per_second=0.1, tick=0.5)
    async with wire(stack) as one:
        assert (await one.join("a"))["status"] == "ok"
        # It is noticed only at the next tick.
        await asyncio.sleep(0.6)
        assert "ClientJoinRateLimitReached" in (await one.join("b"))["response"]["reason"]
        assert (await one.socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE


async def test_presence_calls_have_a_limit(stack: Stack) -> None:
    async with wire(stack) as one:
        await one.join(presence={"enabled": True, "key": "me"})
        for number in range(6):
            await one.send("realtime:room:1", "presence", {"event": "track", "payload": {"n": number}})
        while (frame := await one.read())["event"] != "system":
            pass
        assert frame["payload"]["message"] == "Client presence rate limit exceeded"


async def test_too_many_messages_are_reported_after_a_tick_to_the_next_receiver(stack: Stack) -> None:
    # A message and its delivery are more than that for 10 s.
    await command(stack, "realtime/limits", events_per_second=0.2, tick=0.5, buckets=1000)
    body = {"type": "broadcast", "event": "e", "payload": {"n": 1}}
    async with wire(stack) as one, wire(stack) as two:
        await one.join()
        await two.join()
        await two.send("realtime:room:1", "broadcast", body)
        assert await one.broadcasts(1) == [1]
        # It is reported with the first delivery after the next tick, which is made all the same.
        assert await one.receives_nothing(0.7)
        await two.send("realtime:room:1", "broadcast", body)
        assert await one.broadcasts(1) == [1]
        assert (await one.read())["payload"].get("message") == "Too many messages per second"
        assert await two.receives_nothing()


async def test_deliveries_are_delayed_lost_doubled_and_swapped_on_command(stack: Stack) -> None:
    async with wire(stack) as one:
        await one.join()
        await command(stack, "realtime/faults", delay=0.4)
        begun = time.monotonic()
        await tell(stack, 1)
        assert await one.broadcasts(1) == [1]
        assert time.monotonic() - begun > 0.35
        await command(stack, "realtime/faults", delay=0, lose=2)
        await tell(stack, 2, 3, 4)
        assert await one.broadcasts(1) == [4]
        await command(stack, "realtime/faults", duplicate=True)
        await tell(stack, 5)
        assert await one.broadcasts(2) == [5, 5]
        await command(stack, "realtime/faults", duplicate=False, reorder=True)
        await tell(stack, 6, 7)
        assert await one.broadcasts(2) == [7, 6]
        await command(stack, "realtime/faults", reorder=False, lose_share=1.0, topic="another")
        await tell(stack, 8)
        assert await one.broadcasts(1) == [8]


async def test_a_stalled_server_answers_nothing_and_continues_afterwards(stack: Stack) -> None:
    async with wire(stack) as one:
        await one.join()
        await command(stack, "realtime/faults", stall=True)
        await tell(stack, 1)
        await one.send("phoenix", "heartbeat")
        assert await one.receives_nothing()
        await command(stack, "realtime/faults", stall=False)
        await tell(stack, 2)
        assert await one.broadcasts(1) == [2]


async def test_a_half_open_socket_is_dead_and_looks_open(stack: Stack) -> None:
    async with wire(stack) as one:
        await one.join()
        await command(stack, "realtime/half_open", topic="room:1")
        await tell(stack, 1)
        await one.send("phoenix", "heartbeat")
        assert await one.receives_nothing()
        assert not one.socket.closed


@pytest.mark.parametrize(
    ("given", "says"),
    [({"duplicate": 0.3}, "bool"), ({"lose": "all"}, "int"), ({"los": 1}, "unknown: los")],
)
async def test_an_unknown_fault_is_refused_and_sets_nothing(stack: Stack, given: dict[str, Any], says: str) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{stack.url}/_control/realtime/faults", json={"reorder": True} | given)
    assert (answer.status_code, says in answer.text) == (400, True)
    async with wire(stack) as one:
        await one.join()
        await tell(stack, 1)
        assert await one.broadcasts(1) == [1]


async def test_the_effects_of_faults_are_counted(stack: Stack) -> None:
    async def hits() -> dict[str, int]:
        async with httpx.AsyncClient(timeout=30) as http:
            found: dict[str, int] = (await http.get(f"{stack.url}/_control/realtime/state")).json()["hits"]
        return found

    async def hit(name: str) -> int:
        return (await hits()).get(name, 0) - before.get(name, 0)

    before = await hits()
    async with wire(stack) as one:
        await one.join()
        await tell(stack, 1)
        assert await one.broadcasts(1) == [1]
        assert {name: times for name, times in (await hits()).items() if times != before.get(name, 0)} == {}
        await command(stack, "realtime/faults", lose=2, duplicate=True)
        await tell(stack, 1, 2, 3)
        assert await one.broadcasts(2) == [3, 3]
        assert (await hit("lose"), await hit("duplicate")) == (2, 1)
        await command(stack, "realtime/faults", lose=0, duplicate=False)
        await command(stack, "realtime/limits", events_per_second=0.5, tick=0.2, buckets=1000)
        over = {"type": "broadcast", "event": "e", "payload": {}}
        while (await hits()).get("limits", 0) == before.get("limits", 0):
            async with wire(stack) as other:
                await other.join()
                await other.send("realtime:room:1", "broadcast", over)
        while (await one.read())["event"] != "system":
            pass
        assert await hit("limits") == 1
    await command(stack, "realtime/reset")
    await command(stack, "realtime/faults", refuse_join="RealtimeRestarting", refuse_status=None)
    async with wire(stack) as one:
        assert (await one.join())["status"] == "error"
    assert await hit("refuse_join") == 1


async def test_sockets_are_dropped_and_closed_on_command(stack: Stack) -> None:
    async with wire(stack) as one, wire(stack) as other:
        await one.join("mine")
        await other.join("theirs")
        await command(stack, "realtime/close", topic="mine", code=1012)
        message = await one.socket.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1012)
        assert (await other.ask("phoenix", "heartbeat"))["status"] == "ok"
        await command(stack, "realtime/drop")
        assert (await other.socket.receive(timeout=5)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}


async def test_while_it_restarts_handshakes_are_refused(stack: Stack) -> None:
    await command(stack, "realtime/restart", seconds=4)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with wire(stack):
            pass
    async with asyncio.timeout(30):
        while True:
            try:
                async with wire(stack) as one:
                    assert (await one.join())["status"] == "ok"
                    break
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.1)


async def test_broadcasts_over_http_answer_as_hosted(stack: Stack) -> None:
    user = await sign_up(stack)
    url = f"{stack.url}/realtime/v1/api/broadcast"
    async with httpx.AsyncClient(timeout=30) as http:
        user_headers = {"apikey": stack.publishable_key} | user.bearer
        private = {"topic": "umbral_chat:c:room", "event": "e", "payload": {}, "private": True}
        # In a batch, a private message that the caller may not send is dropped with a 202; alone it gets a 403.
        assert (await http.post(url, json={"messages": [private]}, headers=user_headers)).status_code == 202
        one = f"{url}/umbral_chat:c:room/events/e?private=true"
        assert (await http.post(one, json={}, headers=user_headers)).status_code == 403
        assert (await http.post(f"{url}/room/events/e", json={}, headers=user_headers)).status_code == 202
        assert (
            await http.post(f"{url}/room/events/e", content=b"x", headers=user_headers | {"Content-Type": "text/plain"})
        ).status_code == 415
        assert (await http.post(url, json={"messages": [{"topic": ""}]}, headers=user_headers)).status_code == 422
        assert (await http.post(url, json={"messages": []})).status_code == 401
        await command(stack, "realtime/faults", refuse_rest=429)
        assert (await http.post(f"{url}/room/events/e", json={}, headers=user_headers)).status_code == 429


async def test_a_join_with_replication_ready_is_notified_when_it_is(stack: Stack) -> None:
    async with wire(stack) as one:
        await one.join(broadcast={"replication_ready": True})
        assert (await one.read())["payload"]["message"] == "Replication connection established"


async def test_a_join_that_it_cannot_serve_says_so(stack: Stack) -> None:
    async with wire(stack) as one:
        refused = await one.join(postgres_changes=[{"event": "*", "schema": "public", "table": "t"}])
        assert "no postgres_changes" in refused["response"]["reason"]
