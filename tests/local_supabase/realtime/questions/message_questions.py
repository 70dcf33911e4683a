"""Questions about messages: broadcasts, presence, replay, and broadcasts over HTTP."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import httpx
import psycopg

from tests.local_supabase.realtime.limits import REFUSED_SIZE

from .round import QuestionRound, Socket

BROADCAST: dict[str, Any] = {"type": "broadcast", "event": "e", "payload": {}}


def pushed(topic: str, event: str, body: bytes, *, encoding: int) -> bytes:
    """A binary push with the refs that the questions used."""
    names = [b"1", b"77", topic.encode(), event.encode()]
    return struct.pack("7B", 3, *map(len, names), 0, encoding) + b"".join(names) + body


async def broadcast(round_: QuestionRound) -> None:
    """The frame of each kind of broadcast, in both versions, and broadcasts that are not delivered."""
    topic = "realtime:pub:b"
    async with round_.socket(vsn=2) as one, round_.socket() as other:
        await one.join("pub:b", broadcast={"ack": True, "self": True})
        await other.join("pub:b")
        body = {"type": "broadcast", "event": "hi", "payload": {"x": 1}}
        await one.send(topic, "broadcast", body, join_ref="1")
        await one.receive("ack + self (v2)")
        await other.receive("heard by v1")
        for name, content, encoding in (("raw", b"\x00\xff", 0), ("json", b'{"y":2}', 1)):
            await one.connection.send_bytes(pushed(topic, "bin", content, encoding=encoding))
            await one.receive(f"binary push {name} (v2)")
            await other.receive(f"binary {name} heard by v1")
        for name, payload in (
            ("type", {"event": "notype", "payload": {}}),
            ("event", {"type": "broadcast", "payload": {}}),
            ("payload", {"type": "broadcast", "event": "x"}),
        ):
            await other.send(topic, "broadcast", payload)
            await one.receive(f"no {name} (v1), heard by v2")
        round_.insert("pub:b", "db", private=False)
        await one.receive("db public, v2")
        await other.receive("db public, v1")
    async with round_.socket() as one:
        await one.join("fact:quiet", round_.token(), private=True, broadcast={"ack": True})
        await one.send("realtime:fact:quiet", "broadcast", BROADCAST)
        await one.receive("write denied with ack")
    async with round_.socket() as one:
        await one.join("fact:w", round_.token(), private=True, broadcast={"ack": True})
        await one.send("realtime:fact:w", "broadcast", BROADCAST)
        await one.receive("write allowed with ack")
        await one.send("realtime:fact:w", "broadcast", BROADCAST | {"payload": {"t": "x" * REFUSED_SIZE}})
        await one.receive("too big with ack")
    async with round_.socket() as one:
        await one.join("pub:big")
        try:
            await one.send("realtime:pub:big", "broadcast", BROADCAST | {"payload": {"t": "x" * 5_100_000}})
            round_.note("frame over 5 MB", await one.receive(many=1))
        except ConnectionError as error:
            round_.note("frame over 5 MB", repr(error))
    async with round_.socket() as one:
        await one.join("fact:w", round_.service, private=True)
        round_.insert("fact:w", "big", {"t": "x" * REFUSED_SIZE})
        await one.receive("db message over the limit")
        round_.insert("fact:w", "big", {"t": "x" * 250_000})
        round_.note("db message of 250 kB", [len(str(each)) for each in await one.receive(many=1)])


async def presence(round_: QuestionRound) -> None:
    """Which presence messages clients get, and who may not track."""
    topic = "realtime:pub:p"

    def track(payload: object) -> dict[str, Any]:
        return {"type": "presence", "event": "track", "payload": payload}

    async with round_.socket(vsn=2) as one, round_.socket() as other:
        await one.ask_join("presence join", "pub:p", presence={"enabled": True, "key": "me"})
        await one.receive("after presence join")
        await other.join("pub:p", presence={"enabled": True, "key": "you"})
        await other.receive(many=1)
        await one.send(topic, "presence", track({"name": "A"}), join_ref="1")
        await one.receive("track")
        await other.receive("presence_diff at the other")
        await one.send(topic, "presence", track({"name": "B"}), join_ref="1")
        await one.receive("track again")
        await one.send(topic, "presence", track("text"), join_ref="1")
        await one.receive("track no map")
        await one.send(topic, "presence", {"type": "presence", "event": "untrack"}, join_ref="1")
        await one.receive("untrack")
        for number in range(6):
            await one.send(topic, "presence", track({"i": number}), join_ref="1")
        frames = await one.receive(many=2)
        round_.note("presence rate", [each for each in frames if "system" in each or "phx_close" in each])
    async with round_.socket() as one:
        await one.join("pub:p2")
        await one.send("realtime:pub:p2", "presence", track({"name": "A"}))
        await one.receive("track where presence was not enabled")
    async with round_.socket() as one:
        await one.ask_join(
            "private join, broadcast only readable, presence asked",
            "bonly:1",
            round_.token(),
            private=True,
            presence={"enabled": True, "key": "k"},
        )
        await one.receive("what it is told")
        await one.send("realtime:bonly:1", "presence", track({}))
        await one.receive("its track")


async def replay(round_: QuestionRound) -> None:
    """What is replayed, and the parameters of a replay."""
    topic, since_ = f"fact:r{int(time.time())}", int(time.time() * 1000) - 60_000
    for number in range(30):
        round_.insert(topic, "old", {"n": number})
    round_.insert(topic, "public", {"n": 99}, private=False)
    async with round_.socket(vsn=2) as one:
        await one.ask_join("replay join", topic, round_.service, private=True, broadcast=_replay(since_, 25))
        frames = await one.receive(many=25)
        round_.note("replay numbers", [each[4]["payload"]["n"] if isinstance(each, list) else each for each in frames])
        round_.note("replay frame (v2)", json.dumps(frames[0]))
    async with round_.socket() as one:
        await one.ask_join("replay v1 join limit 1", topic, round_.service, private=True, broadcast=_replay(since_, 1))
        await one.receive("replay v1 frame")
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
            await one.ask_join(f"replay {name}", topic, round_.service, private=private, broadcast={"replay": given})
            frames = await one.receive(many=round_.known[f"replay {name} got"])
            broadcasts = [each for each in frames if isinstance(each, dict) and each.get("event") == "broadcast"]
            round_.note(f"replay {name} got", len(broadcasts))
    with psycopg.connect(round_.stack.admin_db_url, autocommit=True) as connection:
        connection.execute(
            "insert into realtime.messages (topic, extension, event, payload, private) "
            "select %s, 'broadcast', 't', jsonb_build_object('n', g), true from generate_series(1, 5) g",
            (f"{topic}t",),
        )
    async with round_.socket() as one:
        await one.join(f"{topic}t", round_.service, private=True, broadcast=_replay(since_, 25))
        frames = await one.receive(many=5)
        numbers = [each["payload"]["payload"]["n"] for each in frames if isinstance(each, dict)]
        round_.note("replay of one transaction, order", numbers)


def _replay(since_: int, limit: int) -> dict[str, Any]:
    return {"replay": {"since": since_, "limit": limit}}


async def rest(round_: QuestionRound) -> None:
    """Broadcasts over HTTP, and what listeners receive of them."""
    user = {"Authorization": f"Bearer {round_.token()}"}
    message = {"topic": "fact:w", "event": "e", "payload": {"n": 1}, "private": True}
    big = {"t": "x" * REFUSED_SIZE}
    async with round_.http() as http, round_.socket() as one, round_.socket(vsn=2) as two:
        for each in (one, two):
            await each.join("fact:w", round_.service, private=True)

        async def ask(question: str, path: str, headers: dict[str, str], **body: Any) -> None:
            round_.note(question, _status_and_text(await http.post(path, headers=headers, **body)))

        async def batch(question: str, messages: Any, headers: dict[str, str] = user) -> None:
            body = {} if messages is None else {"messages": messages}
            await ask(f"batch {question}", "/broadcast", headers, json=body)

        async def single(question: str, *, at: str = "fact:w/events/e?private=true", **body: Any) -> None:
            headers = user | body.pop("headers", {})
            await ask(f"single {question}", f"/broadcast/{at}", headers, **body)

        await batch("ok", [message])
        await _both(one, two, "batch heard v1", "batch heard v2")
        await batch("with id", [message | {"id": "abc"}])
        await one.receive("batch id heard v1")
        await two.receive(many=1)
        await batch("private not allowed", [message | {"topic": "fact:quiet"}])
        await batch("no auth", [message], {})
        await batch("bad token", [message], {"Authorization": "Bearer x.y.z"})
        await batch("expired token", [message], {"Authorization": f"Bearer {round_.token(exp=-9)}"})
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
        await two.receive("single binary heard v2")
        await one.receive("single binary heard v1")
        await single("bad json", headers={"Content-Type": "application/json"}, content=b"{")
        await single("json text", json="x")
        await ask("single no auth", "/broadcast/fact:w/events/e", {}, json={})
        await single("too big", json=big)
        for question in ("batch too big", "single too big"):
            # The script that asked the real server recorded texts.
            round_.note(question, [str(each) for each in round_.found[question]])


async def _both(one: Socket, two: Socket, first: str, second: str) -> None:
    await one.receive(first)
    await two.receive(second)


def _status_and_text(answer: httpx.Response) -> list[Any]:
    return [answer.status_code, answer.text]


__all__ = ["broadcast", "presence", "replay", "rest"]
