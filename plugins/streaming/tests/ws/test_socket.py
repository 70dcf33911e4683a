"""The WebSocket over the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from .rig import KEY, READER, Served, served


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, key=KEY) as found:
        yield found


async def test_a_conversation_is_followed_from_a_cursor_and_live(service: Served) -> None:
    for number in range(3):
        await service.say(str(number))
    async with service.socket(KEY) as socket:
        answer = await socket.ask(type="subscribe", conversation="room")
        assert answer["result"] == {"cursor": "0", "head": 3}
        status = await socket.next()
        assert (status["type"], status["conversation"], status["status"]["state"]) == ("status", "room", "open")
        first = await socket.next()
        assert (first["type"], first["entry"]["content"]) == ("entry", "0")
        assert await socket.entries(2) == [2, 3]
        await service.say("live")
        assert (await socket.until("entry"))["entry"]["content"] == "live"
    async with service.socket(KEY) as socket:
        answer = await socket.ask(type="subscribe", conversation="room", after=first["cursor"])
        assert answer["result"] == {"cursor": first["cursor"], "head": 4}
        assert await socket.entries(3) == [2, 3, 4]


async def test_one_socket_follows_many_conversations_and_leaves_them(service: Served) -> None:
    async with service.socket(KEY) as socket:
        for name in ("a", "b"):
            assert (await socket.ask(type="subscribe", conversation=name))["type"] == "result"
        await service.say("in a", "a")
        await service.say("in b", "b")
        found = [await socket.until("entry") for _ in range(2)]
        assert {one["conversation"]: one["entry"]["content"] for one in found} == {"a": "in a", "b": "in b"}
        assert (await socket.ask(type="unsubscribe", conversation="a"))["result"] == {}
        await service.say("not followed", "a")
        await service.say("followed", "b")
        assert (await socket.until("entry"))["entry"]["content"] == "followed"
        answer = await socket.ask(type="unsubscribe", conversation="a")
        assert (answer["error"]["status"], answer["error"]["code"]) == (404, "not_subscribed")
        answer = await socket.ask(type="subscribe", conversation="b")
        assert (answer["error"]["status"], answer["error"]["code"]) == (409, "already_subscribed")


async def test_what_is_sent_is_durable_and_answered_as_over_http(service: Served) -> None:
    async with service.socket(KEY) as socket:
        sent = await socket.ask(type="send", conversation="room", content="hello", client_id="once", message_id="m")
        assert sent["result"]["created"] is True
        assert sent["result"]["entry"]["content"] == "hello"
        again = await socket.ask(type="send", conversation="room", content="hello", client_id="once", message_id="m")
        assert again["result"] == sent["result"] | {"created": False}
        http = await service.http.get("/v1/conversations/room/events")
        assert http.json()["entries"] == [sent["result"]["entry"]]
        assert http.json()["cursor"] == sent["result"]["cursor"]
        conflict = await socket.ask(type="send", conversation="room", content="other", client_id="once")
        http = await service.http.post(
            "/v1/conversations/room/messages", json={"content": "other", "client_id": "once"}
        )
        assert conflict["error"] == {name: value for name, value in http.json().items() if name != "type"}
        edited = await socket.ask(type="edit", conversation="room", message_id="m", content="hello you")
        assert edited["result"]["entry"]["kind"] == "edit"
        redacted = await socket.ask(type="redact", conversation="room", message_id="m", client_id="r")
        assert redacted["result"]["entry"]["kind"] == "redaction"
        marked = await socket.ask(type="read", conversation="room", seq=2)
        assert marked["result"] == {"seq": 2}


async def test_frames_are_carried_out_one_after_another(service: Served) -> None:
    async with service.socket(KEY) as socket:
        for number in range(60):
            await socket.send(type="send", id=str(number), conversation="room", content=str(number))
        results = [await socket.until("result") for _ in range(60)]
        assert [one["id"] for one in results] == [str(number) for number in range(60)]
        assert [one["result"]["entry"]["seq"] for one in results] == list(range(1, 61))


async def test_presence_and_typing_are_reported_with_the_checks_of_http(service: Served) -> None:
    token = await service.token(name="Ada")
    async with service.socket(KEY) as agent, service.socket(token) as visitor:
        await agent.ask(type="subscribe", conversation="room")
        renewal = await visitor.ask(type="presence", conversation="room", device="phone", metadata={"a": 1})
        http = await service.http.put("/v1/conversations/room/presence", json={})
        assert renewal["result"].keys() == http.json().keys()
        assert renewal["result"]["device"] == "phone"
        while True:
            shown = (await agent.until("signal"))["signal"]
            if shown["signal"] == "presence" and any(one.get("name") == "Ada" for one in shown["presence"]["people"]):
                break
        assert (await visitor.ask(type="typing", conversation="room", typing=True))["result"]["typing"] is True
        while True:
            shown = (await agent.until("signal"))["signal"]
            if shown["signal"] == "typing" and shown["typing"]:
                assert shown["typing"][0]["name"] == "Ada"
                break
        await visitor.send(type="typing", conversation="room", typing=False)  # without an id there is no answer
        assert await visitor.ask(type="ping") == {"type": "pong", "id": "3"}
        for frame, path in (
            ({"ttl": 1.0}, "presence"),
            ({"ttl": 1e9}, "presence"),
            ({"device": ""}, "presence"),
            ({"metadata": {"a": "x" * 600}}, "presence"),
            ({"typing": True, "seconds": 0.5}, "typing"),
            ({"sender": {"role": "agent", "id": "x"}}, "typing"),
        ):
            answer = await visitor.ask(type=path, conversation="room", **frame)
            headers = {"authorization": f"Bearer {token}"}
            method = "PUT" if path == "presence" else "POST"
            http = await service.http.request(method, f"/v1/conversations/room/{path}", json=frame, headers=headers)
            assert http.status_code >= 400
            assert answer["error"] == {name: value for name, value in http.json().items() if name != "type"}


async def test_drafts_come_as_pieces(service: Served) -> None:
    async with service.socket(KEY) as socket:
        await socket.ask(type="subscribe", conversation="room")
        text = ""
        for piece in ("Hel", "lo", " Ada"):
            body = {"message_id": "answer", "offset": len(text), "text": piece}
            assert (await service.http.post("/v1/conversations/room/drafts", json=body)).status_code == 200
            text += piece
        known = ""
        while known != text:
            signal = (await socket.until("signal"))["signal"]
            if signal["signal"] != "draft":
                continue
            known = known[: signal["offset"]] + signal["text"]
        sent = {"content": text, "message_id": "answer"}
        assert (await service.http.post("/v1/conversations/room/messages", json=sent)).status_code == 201
        kinds = {(await socket.next())["type"] for _ in range(2)}
        assert kinds == {"signal", "entry"}


async def test_rights_are_checked_at_each_frame(service: Served) -> None:
    await service.say("first")
    token = await service.token(rights=["read"])
    async with service.socket(token) as visitor, service.socket(READER) as reader:
        assert (await visitor.ask(type="subscribe", conversation="room"))["type"] == "result"
        for frame, code in (
            ({"type": "send", "conversation": "room", "content": "x"}, "forbidden"),
            ({"type": "typing", "conversation": "room"}, "forbidden"),
            ({"type": "edit", "conversation": "room", "message_id": "m", "content": "x"}, "forbidden"),
            ({"type": "redact", "conversation": "room", "message_id": "m"}, "forbidden"),
            ({"type": "subscribe", "conversation": "other"}, "foreign_conversation"),
            ({"type": "read", "conversation": "other", "seq": 1}, "foreign_conversation"),
            ({"type": "subscribe", "conversation": "internal:room"}, "foreign_conversation"),
            ({"type": "subscribe", "conversation": "a b"}, "invalid_conversation_id"),
        ):
            answer = await visitor.ask(**frame)
            assert answer["error"]["code"] == code, answer
        answer = await reader.ask(type="send", conversation="room", content="x")
        assert answer["error"]["code"] == "forbidden"


async def test_a_visitor_is_held_to_the_rates_of_http(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"core__limits__requests_per_second": "1", "core__limits__requests_burst": "5"}
    async with served(tmp_path, key=KEY, **limits) as service:
        async with service.socket(await service.token()) as visitor:
            answers = [await visitor.ask(type="ping") for _ in range(6)]
            refused = [one["error"] for one in answers if one["type"] == "error"]
            assert {one["code"] for one in refused} == {"rate_limited"}
            assert 1 <= len(refused) <= 2
            assert refused[0]["retry_after"] >= 1
        async with service.socket(KEY) as key:
            assert all([(await key.ask(type="ping"))["type"] == "pong" for _ in range(20)])


async def test_connect_offers_it(tmp_path: Path) -> None:
    async with served(tmp_path, core__public_url="https://chat.example.com/base") as service:
        offers = (await service.http.post("/v1/conversations/room/connect")).json()["offers"]
        found = next(one for one in offers if one["edge"] == "websocket")
        url = "wss://chat.example.com/base/v1/ws"
        assert found == {"edge": "websocket", "rank": 60, "url": url, "parameters": {"ping_ms": 25000}}
        await service.http.put("/v1/admin/realtime", json={"enabled": False})
        offers = (await service.http.post("/v1/conversations/room/connect")).json()["offers"]
        assert [one["edge"] for one in offers] == ["poll"]


async def test_five_sockets_get_the_very_same_frames(service: Served) -> None:
    async with service.socket(KEY) as one, service.socket(KEY) as two:
        for socket in (one, two):
            await socket.ask(type="subscribe", conversation="room")
        for number in range(30):
            await service.say(f'{number} ä\u2028"\\')
        first, second = [[await socket.until("entry") for _ in range(30)] for socket in (one, two)]
        assert first == second
        assert [frame["entry"]["seq"] for frame in first] == list(range(1, 31))
        poll = (await service.http.get("/v1/conversations/room/events")).json()
        assert [frame["entry"] for frame in first] == poll["entries"]
        assert first[-1]["cursor"] == poll["cursor"]


async def test_nothing_is_left_when_clients_leave(service: Served) -> None:
    async with service.socket(KEY) as socket:
        await socket.ask(type="subscribe", conversation="room")
        assert service.services.feeds.readers.count == 1
        await socket.send(type="send", conversation="room", content="x", id="unread")
    await service.until(lambda: service.services.feeds.readers.count == 0)
    await service.until(lambda: service.services.feeds.waited_on == [])
    async with service.connect() as connection:  # before it is authenticated
        await connection.send("nothing")
    await asyncio.sleep(0)


async def test_a_newer_token_of_the_same_subject_goes_on(service: Served) -> None:
    await service.say("first")
    token = await service.token(ttl=60)
    async with service.socket(token) as visitor:
        await visitor.ask(type="subscribe", conversation="room")
        answer = await visitor.ask(type="renew", token=await service.token(ttl=600))
        assert answer["result"]["expires_at"] > "2026"
        assert (await visitor.ask(type="renew", token=token))["error"]["code"] == "older_token"
        other = await service.token(subject="eve", ttl=6000)
        assert (await visitor.ask(type="renew", token=other))["error"]["code"] == "other_subject"
        assert (await visitor.ask(type="renew", token="nonsense"))["error"]["code"] == "unauthorized"
        await service.say("again")
        assert await visitor.entries(2) == [1, 2]
