"""Questions about what is told: broadcasts, presence, replay, and over HTTP."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import httpx
import psycopg

from tests.local_supabase.realtime.limits import REFUSED_SIZE

from .asking import Asked, Socket

SAID: dict[str, Any] = {"type": "broadcast", "event": "e", "payload": {}}


def pushed(topic: str, event: str, body: bytes, *, encoding: int) -> bytes:
    """A binary push with the refs that the questions used."""
    names = [b"1", b"77", topic.encode(), event.encode()]
    return struct.pack("7B", 3, *map(len, names), 0, encoding) + b"".join(names) + body


async def broadcast(asked: Asked) -> None:
    """Which frame each kind of broadcast comes as, in both versions, and what is not told."""
    topic = "realtime:pub:b"
    async with asked.socket(vsn=2) as one, asked.socket() as other:
        await one.join("pub:b", broadcast={"ack": True, "self": True})
        await other.join("pub:b")
        said = {"type": "broadcast", "event": "hi", "payload": {"x": 1}}
        await one.send(topic, "broadcast", said, join_ref="1")
        await one.heard("ack + self (v2)")
        await other.heard("heard by v1")
        for name, body, encoding in (("raw", b"\x00\xff", 0), ("json", b'{"y":2}', 1)):
            await one.connection.send_bytes(pushed(topic, "bin", body, encoding=encoding))
            await one.heard(f"binary push {name} (v2)")
            await other.heard(f"binary {name} heard by v1")
        for name, payload in (
            ("type", {"event": "notype", "payload": {}}),
            ("event", {"type": "broadcast", "payload": {}}),
            ("payload", {"type": "broadcast", "event": "x"}),
        ):
            await other.send(topic, "broadcast", payload)
            await one.heard(f"no {name} (v1), heard by v2")
        asked.insert("pub:b", "db", private=False)
        await one.heard("db public, v2")
        await other.heard("db public, v1")
    async with asked.socket() as one:
        await one.join("fact:quiet", asked.token(), private=True, broadcast={"ack": True})
        await one.send("realtime:fact:quiet", "broadcast", SAID)
        await one.heard("write denied with ack")
    async with asked.socket() as one:
        await one.join("fact:w", asked.token(), private=True, broadcast={"ack": True})
        await one.send("realtime:fact:w", "broadcast", SAID)
        await one.heard("write allowed with ack")
        await one.send("realtime:fact:w", "broadcast", SAID | {"payload": {"t": "x" * REFUSED_SIZE}})
        await one.heard("too big with ack")
    async with asked.socket() as one:
        await one.join("pub:big")
        try:
            await one.send("realtime:pub:big", "broadcast", SAID | {"payload": {"t": "x" * 5_100_000}})
            asked.note("frame over 5 MB", await one.heard(many=1))
        except ConnectionError as error:
            asked.note("frame over 5 MB", repr(error))
    async with asked.socket() as one:
        await one.join("fact:w", asked.service, private=True)
        asked.insert("fact:w", "big", {"t": "x" * REFUSED_SIZE})
        await one.heard("db message over the limit")
        asked.insert("fact:w", "big", {"t": "x" * 250_000})
        asked.note("db message of 250 kB", [len(str(each)) for each in await one.heard(many=1)])


async def presence(asked: Asked) -> None:
    """Who is told of whom, and who may not be."""
    topic = "realtime:pub:p"

    def track(payload: object) -> dict[str, Any]:
        return {"type": "presence", "event": "track", "payload": payload}

    async with asked.socket(vsn=2) as one, asked.socket() as other:
        await one.asked("presence join", "pub:p", presence={"enabled": True, "key": "me"})
        await one.heard("after presence join")
        await other.join("pub:p", presence={"enabled": True, "key": "you"})
        await other.heard(many=1)
        await one.send(topic, "presence", track({"name": "A"}), join_ref="1")
        await one.heard("track")
        await other.heard("presence_diff at the other")
        await one.send(topic, "presence", track({"name": "B"}), join_ref="1")
        await one.heard("track again")
        await one.send(topic, "presence", track("text"), join_ref="1")
        await one.heard("track no map")
        await one.send(topic, "presence", {"type": "presence", "event": "untrack"}, join_ref="1")
        await one.heard("untrack")
        for number in range(6):
            await one.send(topic, "presence", track({"i": number}), join_ref="1")
        frames = await one.heard(many=2)
        asked.note("presence rate", [each for each in frames if "system" in each or "phx_close" in each])
    async with asked.socket() as one:
        await one.join("pub:p2")
        await one.send("realtime:pub:p2", "presence", track({"name": "A"}))
        await one.heard("track where presence was not enabled")
    async with asked.socket() as one:
        await one.asked(
            "private join, broadcast only readable, presence asked",
            "bonly:1",
            asked.token(),
            private=True,
            presence={"enabled": True, "key": "k"},
        )
        await one.heard("what it is told")
        await one.send("realtime:bonly:1", "presence", track({}))
        await one.heard("its track")


async def replay(asked: Asked) -> None:
    """What is told again, and how a replay may be asked for."""
    topic, since_ = f"fact:r{int(time.time())}", int(time.time() * 1000) - 60_000
    for number in range(30):
        asked.insert(topic, "old", {"n": number})
    asked.insert(topic, "public", {"n": 99}, private=False)
    async with asked.socket(vsn=2) as one:
        await one.asked("replay join", topic, asked.service, private=True, broadcast=_replay(since_, 25))
        frames = await one.heard(many=25)
        asked.note("replay numbers", [each[4]["payload"]["n"] if isinstance(each, list) else each for each in frames])
        asked.note("replay frame (v2)", json.dumps(frames[0]))
    async with asked.socket() as one:
        await one.asked("replay v1 join limit 1", topic, asked.service, private=True, broadcast=_replay(since_, 1))
        await one.heard("replay v1 frame")
        for name, private, given in (
            ("public", False, {"since": since_}),
            ("since text", True, {"since": "x"}),
            ("no since", True, {}),
            ("limit 100", True, {"since": since_, "limit": 100}),
            ("limit 0", True, {"since": since_, "limit": 0}),
            ("limit text", True, {"since": since_, "limit": "x"}),
            ("since in the future", True, {"since": since_ + 10**9, "limit": 2}),
            ("since beyond", True, {"since": 10**18}),
        ):
            await one.asked(f"replay {name}", topic, asked.service, private=private, broadcast={"replay": given})
            frames = await one.heard(many=asked.known[f"replay {name} got"])
            told = [each for each in frames if isinstance(each, dict) and each.get("event") == "broadcast"]
            asked.note(f"replay {name} got", len(told))
    with psycopg.connect(asked.stack.admin_db_url, autocommit=True) as connection:
        connection.execute(
            "insert into realtime.messages (topic, extension, event, payload, private) "
            "select %s, 'broadcast', 't', jsonb_build_object('n', g), true from generate_series(1, 5) g",
            (f"{topic}t",),
        )
    async with asked.socket() as one:
        await one.join(f"{topic}t", asked.service, private=True, broadcast=_replay(since_, 25))
        frames = await one.heard(many=5)
        numbers = [each["payload"]["payload"]["n"] for each in frames if isinstance(each, dict)]
        asked.note("replay of one transaction, order", numbers)


def _replay(since_: int, limit: int) -> dict[str, Any]:
    return {"replay": {"since": since_, "limit": limit}}


async def rest(asked: Asked) -> None:
    """Broadcasts over HTTP, and what listeners hear of them."""
    user = {"Authorization": f"Bearer {asked.token()}"}
    message = {"topic": "fact:w", "event": "e", "payload": {"n": 1}, "private": True}
    big = {"t": "x" * REFUSED_SIZE}
    async with asked.http() as http, asked.socket() as one, asked.socket(vsn=2) as two:
        for each in (one, two):
            await each.join("fact:w", asked.service, private=True)

        async def ask(question: str, path: str, headers: dict[str, str], **body: Any) -> None:
            asked.note(question, _told(await http.post(path, headers=headers, **body)))

        async def batch(question: str, messages: Any, headers: dict[str, str] = user) -> None:
            body = {} if messages is None else {"messages": messages}
            await ask(f"batch {question}", "/broadcast", headers, json=body)

        async def single(question: str, *, at: str = "fact:w/events/e?private=true", **body: Any) -> None:
            headers = user | body.pop("headers", {})
            await ask(f"single {question}", f"/broadcast/{at}", headers, **body)

        await batch("ok", [message])
        await _both(one, two, "batch heard v1", "batch heard v2")
        await batch("with id", [message | {"id": "abc"}])
        await one.heard("batch id heard v1")
        await two.heard(many=1)
        await batch("private not allowed", [message | {"topic": "fact:quiet"}])
        await batch("no auth", [message], {})
        await batch("bad token", [message], {"Authorization": "Bearer x.y.z"})
        await batch("expired token", [message], {"Authorization": f"Bearer {asked.token(exp=-9)}"})
        await batch("empty", [])
        await batch("no messages", None)
        await batch("invalid", [{"topic": ""}])
        await batch("payload text", [message | {"payload": "x"}])
        await batch("too big", [message | {"payload": big}])
        await single("ok", json={"n": 2})
        await _both(one, two, "single heard v1", "single heard v2")
        await single("not allowed", at="fact:quiet/events/e?private=true", json={})
        await single("text/plain", headers={"Content-Type": "text/plain"}, content=b"x")
        await single("binary", headers={"Content-Type": "application/octet-stream"}, content=b"\x00\xff")
        await two.heard("single binary heard v2")
        await one.heard("single binary heard v1")
        await single("bad json", headers={"Content-Type": "application/json"}, content=b"{")
        await single("json text", json="x")
        await ask("single no auth", "/broadcast/fact:w/events/e", {}, json={})
        await single("too big", json=big)
        for question in ("batch too big", "single too big"):
            # Noted as texts by who asked the real server.
            asked.note(question, [str(each) for each in asked.found[question]])


async def _both(one: Socket, two: Socket, first: str, second: str) -> None:
    await one.heard(first)
    await two.heard(second)


def _told(answer: httpx.Response) -> list[Any]:
    return [answer.status_code, answer.text]


__all__ = ["broadcast", "presence", "replay", "rest"]
