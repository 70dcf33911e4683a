"""Questions about limits: channels, joins, users, and the rate of messages."""

from __future__ import annotations

import time
from typing import Any

import aiohttp

from .asking import JOINS, PACE, RATE_SECONDS, Asked
from .messages import SAID


async def limits(asked: Asked) -> None:
    """What is refused, and what is not, above each."""
    await asked.limit(channels_per_client=2)
    async with asked.socket() as one, asked.socket() as other:
        await one.join("l1")
        await one.join("l2")
        await one.asked("third channel of two", "l3")
        await other.asked("another socket", "l3")
    # The real server's tick: all of these joins are asked for before the first one that counts.
    await asked.limit(channels_per_client=100, joins_per_second=1, tick=5.0)
    async with asked.socket() as one:
        answers = []
        for number in range(JOINS):
            answers.append(list(await one.join(f"j{number}")))
            if answers[-1][0].get("status") != "ok":
                break
        asked.note("joins rate: joined before the refusal", len(answers) - 1)
        asked.note("joins rate refusal", answers[-1])
        await one.heard("after it")
    await asked.limit(joins_per_second=100, users=1)
    async with asked.socket() as one:
        await one.asked("users: first joins", "u1")
        try:
            async with asked.socket():
                asked.note("users: second handshake", "ok")
        except aiohttp.WSServerHandshakeError as error:
            asked.note("users: second handshake", [error.status, error.message])


async def rate(asked: Asked) -> None:
    """Who learns that there are too many messages, who does not, and what goes on."""
    await asked.limit(events_per_second=2)
    async with asked.socket() as one, asked.socket() as other:
        await one.join("rt")
        await other.join("rt")
        await other.join("rt2")
        sent, told, until = 0, None, time.monotonic() + RATE_SECONDS * PACE
        while time.monotonic() < until and told is None:
            await one.send("realtime:rt", "broadcast", SAID | {"payload": {"n": sent}})
            sent += 1
            frame = await one.read(0.05)
            if isinstance(frame, dict) and frame.get("event") == "system":
                told = [frame, *await one.heard()]
        asked.note("rate: sent before the end", sent)
        asked.note("rate: sender is told", told)
        frames = [each for each in await other.heard(many=3) if isinstance(each, dict)]
        asked.note("rate: listener heard", len([each for each in frames if each["event"] == "broadcast"]))
        asked.note("rate: listener is told", [each for each in frames if each["event"] != "broadcast"])
        await other.send("phoenix", "heartbeat")
        asked.note("rate: heartbeat after", await other.read())
        async with asked.http() as http:
            message: dict[str, Any] = {"topic": "x", "event": "e", "payload": {}}
            headers = {"Authorization": f"Bearer {asked.service}"}
            answer = await http.post("/broadcast", json={"messages": [message]}, headers=headers)
            rates = {name: value for name, value in answer.headers.items() if name.startswith("x-rate")}
            asked.note("rate: REST", [answer.status_code, answer.text, rates])
        await other.asked("rate: a join while over", "rt9")
        asked.insert("rt9", "db", {}, private=False)
        await other.heard("rate: database message while over")


__all__ = ["limits", "rate"]
