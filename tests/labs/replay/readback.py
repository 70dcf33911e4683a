"""Reading a dialogue back after it was sent: poll pages, history pages in both directions, transcripts."""

from __future__ import annotations

from .client import Client
from .compare import Difference, compare, compare_text
from .corpus import Dialogue, Line
from .replay import lines_of

PAGE = 2  # fewer than most dialogues have, so that there are pages to turn


async def read_back(dialogue: Dialogue, client: Client) -> None:
    """Read it every way; raises Difference at the first byte that is not as it was sent."""
    name, lines = dialogue.conversation, dialogue.lines
    compare(f"{name} by poll", lines, await _poll(name, client))
    compare(f"{name} by history, backwards", lines, await _backwards(name, client))
    compare(f"{name} by history, forwards", lines, await _forwards(name, client))
    whole = await client.get(name, "transcript?format=json")
    compare(f"{name} by transcript (json)", lines, lines_of(whole["messages"]))
    prompt = await client.get(name, "transcript?format=openai")
    compare(f"{name} by transcript (openai)", lines, [Line(turn["role"], turn["content"]) for turn in prompt])
    compare_text(f"{name} by transcript (text)", lines, await client.text(name, "transcript?format=text"))


async def _poll(name: str, client: Client) -> list[Line]:
    cursor, lines, more = "0", list[Line](), True
    while more:
        page = await client.get(name, f"events?after={cursor}&limit={PAGE}&wait=0")
        lines += lines_of(page["entries"])
        _must_go_on(name, "poll", page["has_more"], page["entries"])
        cursor, more = page["cursor"], page["has_more"]
    return lines


async def _backwards(name: str, client: Client) -> list[Line]:
    query, lines, more = f"messages?limit={PAGE}", list[Line](), True
    while more:
        page = await client.get(name, query)
        lines = lines_of(page["messages"]) + lines
        _must_go_on(name, "history, backwards", page["has_more"], page["messages"])
        more = page["has_more"]
        query = f"messages?limit={PAGE}&before={page['messages'][0]['seq']}" if more else ""
    return lines


async def _forwards(name: str, client: Client) -> list[Line]:
    after, lines, more = 0, list[Line](), True
    while more:
        page = await client.get(name, f"messages?limit={PAGE}&after={after}")
        lines += lines_of(page["messages"])
        _must_go_on(name, "history, forwards", page["has_more"], page["messages"])
        after, more = page["messages"][-1]["seq"] if page["messages"] else after, page["has_more"]
    return lines


def _must_go_on(name: str, way: str, more: bool, items: list[object]) -> None:
    if more and not items:
        raise Difference(f"{name} by {way}: an empty page says that there is more")


__all__ = ["read_back"]
