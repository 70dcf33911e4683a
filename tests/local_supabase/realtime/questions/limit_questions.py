"""Questions about limits: channels, joins, users, and the rate of messages."""

from __future__ import annotations

import time
from typing import Any

import aiohttp

from .message_questions import BROADCAST
from .round import JOINS, RATE_SECONDS, TIME_SCALE, QuestionRound


async def limits(round_: QuestionRound) -> None:
    """What is refused, and what is not, above each limit."""
    await round_.limit(channels_per_client=2)
    async with round_.socket() as one, round_.socket() as other:
        await one.join("l1")
        await one.join("l2")
        await one.ask_join("third channel of two", "l3")
        await other.ask_join("another socket", "l3")
    # The real server's tick: all of these joins are asked for before the first one that counts.
    await round_.limit(channels_per_client=100, joins_per_second=1, tick=5.0)
    async with round_.socket() as one:
        answers = []
        for number in range(JOINS):
            answers.append(list(await one.join(f"j{number}")))
            if answers[-1][0].get("status") != "ok":
                break
        round_.note("joins rate: joined before the refusal", len(answers) - 1)
        round_.note("joins rate refusal", answers[-1])
        await one.receive("after it")
    await round_.limit(joins_per_second=100, users=1)
    async with round_.socket() as one:
        await one.ask_join("users: first joins", "u1")
        try:
            async with round_.socket():
                round_.note("users: second handshake", "ok")
        except aiohttp.WSServerHandshakeError as error:
            round_.note("users: second handshake", [error.status, error.message])


async def rate(round_: QuestionRound) -> None:
    """Which clients are notified of too many messages, and what still works."""
    await round_.limit(events_per_second=2)
    async with round_.socket() as one, round_.socket() as other:
        await one.join("rt")
        await other.join("rt")
        await other.join("rt2")
        sent, notice, until = 0, None, time.monotonic() + RATE_SECONDS * TIME_SCALE
        while time.monotonic() < until and notice is None:
            await one.send("realtime:rt", "broadcast", BROADCAST | {"payload": {"n": sent}})
            sent += 1
            frame = await one.read(0.05)
            if isinstance(frame, dict) and frame.get("event") == "system":
                notice = [frame, *await one.receive()]
        round_.note("rate: sent before the end", sent)
        round_.note("rate: sender is told", notice)
        frames = [each for each in await other.receive(many=3) if isinstance(each, dict)]
        round_.note("rate: listener heard", len([each for each in frames if each["event"] == "broadcast"]))
        round_.note("rate: listener is told", [each for each in frames if each["event"] != "broadcast"])
        await other.send("phoenix", "heartbeat")
        round_.note("rate: heartbeat after", await other.read())
        async with round_.http() as http:
            message: dict[str, Any] = {"topic": "x", "event": "e", "payload": {}}
            headers = {"Authorization": f"Bearer {round_.service}"}
            answer = await http.post("/broadcast", json={"messages": [message]}, headers=headers)
            rates = {name: value for name, value in answer.headers.items() if name.startswith("x-rate")}
            round_.note("rate: REST", [answer.status_code, answer.text, rates])
        await other.ask_join("rate: a join while over", "rt9")
        round_.insert("rt9", "db", {}, private=False)
        await other.receive("rate: database message while over")


__all__ = ["limits", "rate"]
