"""Attacks by rights that a visitor has: more of what is shared than is its share."""

from __future__ import annotations

import asyncio
import time

from .attack import Scale, attack, expect
from .target import Target, raw
from .tricks import request, say

POLLS = 64
"""Twice what a visitor may hold by default."""


@attack("one visitor takes the long polls")
async def long_polls(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    token = await target.token("polls", "greedy")
    other = await target.token("polls", "modest")
    poll = request("GET", "/v1/conversations/polls/events?wait=30", key=token)
    links = [await raw(target.port) for _ in range(POLLS)]
    try:
        for _, writer in links:
            writer.write(poll)
        await asyncio.sleep(1.0)
        answered = 0
        for reader, _ in links:
            try:
                answered += b" 429 " in await asyncio.wait_for(reader.readline(), 0.05)
            except TimeoutError:
                continue
        expect(found, answered >= POLLS // 2 - 2, f"of {POLLS} long polls only {answered} were refused")
        status, _ = await target.ask("GET", "/v1/conversations/polls/events?wait=1", key=other)
        expect(found, status in {200, 304}, f"another visitor's long poll: {status}")
    finally:
        for _, writer in links:
            writer.transport.abort()
    return found


@attack("one visitor takes the drafts, and the id of the bot's answer")
async def drafts(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    path = "/v1/conversations/drafts/drafts"
    token = await target.token("drafts", "greedy")
    other = await target.token("drafts", "modest")
    statuses = []
    for number in range(12):
        piece = {"message_id": f"greedy-{number}", "offset": 0, "text": "x"}
        statuses.append((await target.ask("POST", path, piece, key=token))[0])
    expect(found, statuses.count(429) >= 8, f"one visitor's drafts: {statuses}")
    status, _ = await target.ask("POST", path, {"message_id": "modest", "offset": 0, "text": "x"}, key=other)
    expect(found, status < 300, f"another visitor's draft: {status}")
    bot = {"role": "assistant"}
    status, told = await target.ask("POST", path, {"message_id": "answer", "offset": 0, "text": "Wel", "sender": bot})
    expect(found, status < 300, f"the bot's draft: {status} {told}")
    for what, body in (
        ("drafts", {"message_id": "answer", "offset": 3, "text": "forged"}),
        ("messages", {"message_id": "answer", "content": "forged"}),
    ):
        status, _ = await target.ask("POST", f"/v1/conversations/drafts/{what}", body, key=token)
        expect(found, status in {403, 409, 429}, f"the visitor took the bot's id by {what}: {status}")
    done = {"message_id": "answer", "content": "Welcome", "sender": bot}
    status, told = await target.ask("POST", "/v1/conversations/drafts/messages", done)
    expect(found, status == 201, f"the bot's answer: {status} {told}")
    return found


@attack("Host headers, paths and methods without number, with telemetry.http")
async def cardinality(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []

    async def size() -> tuple[int, float]:
        began = time.perf_counter()
        _, text = await say(target, request("GET", "/metrics"))
        return len(text), time.perf_counter() - began

    await size()
    before, _ = await size()
    number = int(scale.megabytes * 50)
    for start in range(0, number, 50):
        reader, writer = await raw(target.port)
        for one in range(start, start + 50):
            headers = f"Host: h{one}.example\r\nUser-Agent: a{one}\r\nX-{one}: y"
            writer.write(f"GET /v1/p{one}?q{one} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            await asyncio.wait_for(reader.readuntil(b"}"), 10)
        writer.transport.abort()
    for one in range(100):
        await say(target, request(f"M{one}", "/v1/status"))
    after, took = await size()
    expect(found, after - before < 20_000, f"/metrics grew from {before:,} to {after:,} bytes")
    expect(found, took < 2, f"a scrape took {took:.1f} s")
    return found


__all__ = ["cardinality", "drafts", "long_polls"]
