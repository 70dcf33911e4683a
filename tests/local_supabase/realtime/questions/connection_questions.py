"""Questions about handshakes, joins and tokens. Each function is one group, independent of the others."""

from __future__ import annotations

import time
from typing import Any

import aiohttp

from .round import QUIET_TIME, REPLACED_LIFE, SHORT_LIFE, SILENCE, QuestionRound, since

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
FOREIGN = "w" * 40
"""A secret that is not the project's."""


async def handshake(round_: QuestionRound) -> None:
    """The answers to refused handshakes, and their delays."""
    keys: dict[str, dict[str, str]] = {
        "no key": {},
        "expired": {"apikey": round_.token("anon", -60)},
        "bad signature": {"apikey": round_.token("anon", secret=FOREIGN)},
        "no role": {"apikey": round_.token(None)},
        "no exp": {"apikey": round_.token("anon", None)},
        "malformed": {"apikey": "x.y.z"},
        "garbage": {"apikey": "abc"},
    }
    spent = []

    async def ask(session: aiohttp.ClientSession, query: dict[str, str], host: dict[str, str]) -> list[Any]:
        url = f"{round_.base}/socket/websocket"
        answer = await session.get(url, params=query, headers=host | UPGRADE)
        return [answer.status, await answer.text()]

    async with aiohttp.ClientSession() as session:
        for name, query in keys.items():
            begun = time.monotonic()
            round_.note(f"handshake {name}", await ask(session, query, round_.headers))
            spent.append(since(begun))
        round_.note("handshake delays", spent)
        stranger = await ask(session, {"apikey": round_.token("anon")}, {"Host": "nobody.localhost"})
        round_.note("handshake unknown tenant", stranger)


async def basics(round_: QuestionRound) -> None:
    """Heartbeats, joins and invalid frames, in both versions."""
    async with round_.socket() as one:
        await one.send("phoenix", "heartbeat")
        round_.note("v1 heartbeat reply", await one.read())
        await one.ask_join("v1 join ok", "pub1")
        await one.receive("v1 after join")
        await one.send("realtime:pub1", "phx_leave")
        await one.receive("v1 leave")
    async with round_.socket(vsn=2) as one:
        await one.send("phoenix", "heartbeat")
        round_.note("v2 heartbeat reply", await one.read())
        await one.ask_join("v2 join ok", "pub1", broadcast={"replication_ready": True})
        await one.receive("v2 replication_ready")
        await one.ask_join("v2 join again same topic", "pub1")
        await one.receive("after rejoin")
        await one.send("realtime:pub1", "nonsense", {"a": 1})
        await one.receive("unknown event")
        await one.send("realtime:never", "broadcast", {"type": "broadcast", "event": "e", "payload": {}})
        await one.receive("broadcast on a topic not joined")
        await one.connection.send_str("not json")
        await one.receive("garbage frame")
    async with round_.socket() as one:
        odd: dict[str, Any] = {"private": "yes", "broadcast": 5}
        for ref, question, topic, payload in (
            ("1", "empty topic", "realtime:", {"config": {}}),
            ("2", "topic without realtime:", "room:x", {"config": {}}),
            ("3", "join without config", "realtime:z", {}),
            ("4", "join with odd config", "realtime:z2", {"config": odd}),
        ):
            await one.send(topic, "phx_join", payload, join_ref=ref, ref=ref)
            round_.note(question, await one.read())


async def refused_joins(round_: QuestionRound) -> None:
    """The reasons of refusals, their pauses, and what is delayed by them."""
    async with round_.socket() as one:
        await one.ask_join("join private stranger (no policy)", "closed:1", round_.token(), private=True)
        for question, token in {
            "expired token": round_.token(exp=-10),
            "bad signature": round_.token(secret=FOREIGN),
            "malformed": "x.y.z",
            "no role": round_.token(None),
            "role unknown to the database": round_.token("nobody_such"),
            "sub no uuid": round_.token(sub="not-a-uuid"),
        }.items():
            await one.ask_join(f"join {question}", "fact:1", token, private=True)
        await one.ask_join("join public with expired token", "pub1", round_.token(exp=-10))
        await one.ask_join("join access_token sb_", "pub1", "sb_publishable_x")
    refused = {"config": {"private": True}, "access_token": round_.token()}
    async with round_.socket() as one:
        round_.note("join ok before", (await one.join("pub1"))[0]["status"])
        await one.send("realtime:closed:1", "phx_join", refused, join_ref="91", ref="91")
        begun, got = time.monotonic(), list[Any]()
        await one.send("phoenix", "heartbeat", ref="92")
        while len(got) < 2 and isinstance(frame := await one.read(), dict):
            got.append([frame["ref"], since(begun)])
        round_.note("heartbeat beside a refused join (ref 92, seconds)", got)
    async with round_.socket() as one:
        begun = time.monotonic()
        for number in range(3):
            ref = str(50 + number)
            await one.send(f"realtime:closed:{number}", "phx_join", refused, join_ref=ref, ref=ref)
        got = []
        while len(got) < 3 and await one.read() is not None:
            got.append(since(begun))
        round_.note("three refused joins on one socket, seconds each", got)


async def tokens(round_: QuestionRound) -> None:
    """The expiry of tokens, and their replacement."""
    async with round_.socket() as one:
        await one.ask_join("join short token", "fact:1", round_.token(exp=SHORT_LIFE), private=True)
        await one.receive("token expiry frames")
        await one.send("phoenix", "heartbeat")
        round_.note("socket after expiry", await one.read())
    async with round_.socket() as one:
        await one.join("fact:1", round_.token(), private=True)
        for question, token in {
            "good token": round_.token(exp=7200),
            "sb_ token": "sb_secret_x",
            "null token": None,
            "bad signature token": round_.token(secret=FOREIGN),
        }.items():
            await one.send("realtime:fact:1", "access_token", {"access_token": token})
            await one.receive(question)
    for question, topic, token in (
        ("malformed token", "fact:1", "x.y.z"),
        ("expired token sent", "fact:1", round_.token(exp=-5)),
        ("token without read permission sent", "fact:only", round_.token(sub="00000000-0000-4000-8000-000000000000")),
    ):
        async with round_.socket() as one:
            await one.join(topic, round_.token(), private=True)
            await one.send(f"realtime:{topic}", "access_token", {"access_token": token})
            await one.receive(question)
    async with round_.socket() as one:
        await one.join("fact:1", round_.token(exp=REPLACED_LIFE), private=True)
        await one.send("realtime:fact:1", "access_token", {"access_token": round_.token()})
        await one.receive("refreshed before expiry", quiet=REPLACED_LIFE + QUIET_TIME)
    async with round_.socket(round_.token("anon", SHORT_LIFE)) as one:
        await one.ask_join("join public on a handshake token of 6 s", "pub1")
        await one.receive("frames at its end")
        await one.send("phoenix", "heartbeat")
        round_.note("socket after the handshake token ended", await one.read())
        await one.ask_join("join again with it", "pub2")


async def idle(round_: QuestionRound) -> None:
    """When a silent socket is closed."""
    await round_.limit(silence=SILENCE)
    async with round_.socket() as one:
        await one.join("pub1")
        begun = time.monotonic()
        frames = await one.receive(many=1)
        round_.note("silent socket: frames within 75 s", [frames, 66.0 * (time.monotonic() - begun) / SILENCE])


__all__ = ["basics", "handshake", "idle", "refused_joins", "tokens"]
