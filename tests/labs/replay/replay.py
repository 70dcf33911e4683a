"""Sending a dialogue while a reader that began before its first line follows it by long poll."""

from __future__ import annotations

import asyncio
from typing import Any

from .client import Client
from .compare import Difference, compare
from .corpus import Dialogue, Line

WAIT = 20  # seconds a long poll may wait
TIMEOUT = 60.0  # seconds for a reader to have seen all after the last line was sent


async def replay(dialogue: Dialogue, sender: Client, reader: Client) -> None:
    """Send every line; raises Difference when the answers or what the reader was shown differ from it."""
    following = asyncio.create_task(_follow(dialogue, reader))
    try:
        for number, line in enumerate(dialogue.lines, start=1):
            answer = await sender.send(dialogue.conversation, line.role, line.content, f"line-{number}")
            entry = answer["entry"]
            if entry["seq"] != number:
                raise Difference(f"{dialogue.conversation}: line {number} got seq {entry['seq']}; use another --prefix")
            got = Line(entry["sender"]["role"], entry["content"])
            compare(f"{dialogue.conversation}, answer to send {number}", [line], [got])
        async with asyncio.timeout(TIMEOUT):
            seen = await following
    except TimeoutError:
        raise Difference(f"{dialogue.conversation}: the following reader was not shown all lines in time") from None
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    compare(f"{dialogue.conversation} by long poll", dialogue.lines, seen)


async def _follow(dialogue: Dialogue, reader: Client) -> list[Line]:
    cursor, seen = "0", list[Line]()
    while len(seen) < len(dialogue.lines):
        page = await reader.get(dialogue.conversation, f"events?after={cursor}&wait={WAIT}")
        seen += lines_of(page["entries"])
        cursor = page["cursor"]
    return seen


def lines_of(messages: list[dict[str, Any]]) -> list[Line]:
    """Entries, or messages of a history page or a JSON transcript, as lines."""
    return [Line(message["sender"]["role"], message["content"]) for message in messages]


__all__ = ["lines_of", "replay"]
