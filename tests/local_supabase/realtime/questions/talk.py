"""Questions about handshakes, joins and tokens. Each function is one group, and needs nothing of the others."""

from __future__ import annotations

import time
from typing import Any

import aiohttp

from .asking import QUIET, REPLACED_LIFE, SHORT_LIFE, SILENCE, Asked, since

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
FOREIGN = "w" * 40
"""A secret that is not the project's."""


async def handshake(asked: Asked) -> None:
    """What refused handshakes are answered, and when."""
    keys: dict[str, dict[str, str]] = {
        "no key": {},
        "expired": {"apikey": asked.token("anon", -60)},
        "bad signature": {"apikey": asked.token("anon", secret=FOREIGN)},
        "no role": {"apikey": asked.token(None)},
        "no exp": {"apikey": asked.token("anon", None)},
        "malformed": {"apikey": "x.y.z"},
        "garbage": {"apikey": "abc"},
    }
    spent = []

    async def ask(session: aiohttp.ClientSession, query: dict[str, str], host: dict[str, str]) -> list[Any]:
        url = f"{asked.base}/socket/websocket"
        answer = await session.get(url, params=query, headers=host | UPGRADE)
        return [answer.status, await answer.text()]

    async with aiohttp.ClientSession() as session:
        for name, query in keys.items():
            begun = time.monotonic()
            asked.note(f"handshake {name}", await ask(session, query, asked.headers))
            spent.append(since(begun))
        asked.note("handshake delays", spent)
        stranger = await ask(session, {"apikey": asked.token("anon")}, {"Host": "nobody.localhost"})
        asked.note("handshake unknown tenant", stranger)


async def basics(asked: Asked) -> None:
    """Heartbeats, joins and frames that are none, in both versions."""
    async with asked.socket() as one:
        await one.send("phoenix", "heartbeat")
        asked.note("v1 heartbeat reply", await one.read())
        await one.asked("v1 join ok", "pub1")
        await one.heard("v1 after join")
        await one.send("realtime:pub1", "phx_leave")
        await one.heard("v1 leave")
    async with asked.socket(vsn=2) as one:
        await one.send("phoenix", "heartbeat")
        asked.note("v2 heartbeat reply", await one.read())
        await one.asked("v2 join ok", "pub1", broadcast={"replication_ready": True})
        await one.heard("v2 replication_ready")
        await one.asked("v2 join again same topic", "pub1")
        await one.heard("after rejoin")
        await one.send("realtime:pub1", "nonsense", {"a": 1})
        await one.heard("unknown event")
        await one.send("realtime:never", "broadcast", {"type": "broadcast", "event": "e", "payload": {}})
        await one.heard("broadcast on a topic not joined")
        await one.connection.send_str("not json")
        await one.heard("garbage frame")
    async with asked.socket() as one:
        odd: dict[str, Any] = {"private": "yes", "broadcast": 5}
        for ref, question, topic, payload in (
            ("1", "empty topic", "realtime:", {"config": {}}),
            ("2", "topic without realtime:", "room:x", {"config": {}}),
            ("3", "join without config", "realtime:z", {}),
            ("4", "join with odd config", "realtime:z2", {"config": odd}),
        ):
            await one.send(topic, "phx_join", payload, join_ref=ref, ref=ref)
            asked.note(question, await one.read())


async def refused_joins(asked: Asked) -> None:
    """The reasons of refusals, their pauses, and what waits meanwhile."""
    async with asked.socket() as one:
        await one.asked("join private stranger (no policy)", "closed:1", asked.token(), private=True)
        for question, token in {
            "expired token": asked.token(exp=-10),
            "bad signature": asked.token(secret=FOREIGN),
            "malformed": "x.y.z",
            "no role": asked.token(None),
            "role unknown to the database": asked.token("nobody_such"),
            "sub no uuid": asked.token(sub="not-a-uuid"),
        }.items():
            await one.asked(f"join {question}", "fact:1", token, private=True)
        await one.asked("join public with expired token", "pub1", asked.token(exp=-10))
        await one.asked("join access_token sb_", "pub1", "sb_publishable_x")
    refused = {"config": {"private": True}, "access_token": asked.token()}
    async with asked.socket() as one:
        asked.note("join ok before", (await one.join("pub1"))[0]["status"])
        await one.send("realtime:closed:1", "phx_join", refused, join_ref="91", ref="91")
        begun, got = time.monotonic(), list[Any]()
        await one.send("phoenix", "heartbeat", ref="92")
        while len(got) < 2 and isinstance(frame := await one.read(), dict):
            got.append([frame["ref"], since(begun)])
        asked.note("heartbeat beside a refused join (ref 92, seconds)", got)
    async with asked.socket() as one:
        begun = time.monotonic()
        for number in range(3):
            ref = str(50 + number)
            await one.send(f"realtime:closed:{number}", "phx_join", refused, join_ref=ref, ref=ref)
        got = []
        while len(got) < 3 and await one.read() is not None:
            got.append(since(begun))
        asked.note("three refused joins on one socket, seconds each", got)


async def tokens(asked: Asked) -> None:
    """The end of tokens, and new ones."""
    async with asked.socket() as one:
        await one.asked("join short token", "fact:1", asked.token(exp=SHORT_LIFE), private=True)
        await one.heard("token expiry frames")
        await one.send("phoenix", "heartbeat")
        asked.note("socket after expiry", await one.read())
    async with asked.socket() as one:
        await one.join("fact:1", asked.token(), private=True)
        for question, token in {
            "good token": asked.token(exp=7200),
            "sb_ token": "sb_secret_x",
            "null token": None,
            "bad signature token": asked.token(secret=FOREIGN),
        }.items():
            await one.send("realtime:fact:1", "access_token", {"access_token": token})
            await one.heard(question)
    for question, topic, token in (
        ("malformed token", "fact:1", "x.y.z"),
        ("expired token sent", "fact:1", asked.token(exp=-5)),
        ("token without read permission sent", "fact:only", asked.token(sub="00000000-0000-4000-8000-000000000000")),
    ):
        async with asked.socket() as one:
            await one.join(topic, asked.token(), private=True)
            await one.send(f"realtime:{topic}", "access_token", {"access_token": token})
            await one.heard(question)
    async with asked.socket() as one:
        await one.join("fact:1", asked.token(exp=REPLACED_LIFE), private=True)
        await one.send("realtime:fact:1", "access_token", {"access_token": asked.token()})
        await one.heard("refreshed before expiry", quiet=REPLACED_LIFE + QUIET)
    async with asked.socket(asked.token("anon", SHORT_LIFE)) as one:
        await one.asked("join public on a handshake token of 6 s", "pub1")
        await one.heard("frames at its end")
        await one.send("phoenix", "heartbeat")
        asked.note("socket after the handshake token ended", await one.read())
        await one.asked("join again with it", "pub2")


async def idle(asked: Asked) -> None:
    """What becomes of a socket that says nothing."""
    await asked.limit(silence=SILENCE)
    async with asked.socket() as one:
        await one.join("pub1")
        begun = time.monotonic()
        frames = await one.heard(many=1)
        asked.note("silent socket: frames within 75 s", [frames, 66.0 * (time.monotonic() - begun) / SILENCE])


__all__ = ["basics", "handshake", "idle", "refused_joins", "tokens"]
