"""Following a conversation: where the reader stands (pure), and the loop that keeps it going across outages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from umbral_chat._core.cli.client import Client, Json, conversation_path
from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat._core.cli.retry import backoff, passes, pause
from umbral_chat._core.cli.shapes import EventsShape
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.cursor import START, Cursor

WAIT = 55
"""Seconds that a long poll asks for. The service answers earlier: home routers cut silent connections at 60 s."""

HURRIED = 0.5
"""Seconds. A long poll that comes back empty earlier than this was not held (the service is stopping, say), and the
next one waits as long as the service says, or the two would spin."""


class Follower:
    """Where a reader of one log stands: takes answers, gives each entry once and in order."""

    def __init__(self, cursor: str = "0") -> None:
        self.cursor = cursor

    def take(self, answer: Json) -> list[Json]:
        """The entries of an events answer that were not given yet; the cursor moves behind them."""
        before, after = _place(self.cursor), _place(answer["cursor"])
        known = before.seq if before.epoch == after.epoch else 0
        self.cursor = answer["cursor"]
        if answer.get("snapshot"):
            # The service answers the folded last messages, to replace a copy: what changed since is news.
            return [{"kind": "message", **message} for message in answer["messages"] if message["version"] > known]
        return [entry for entry in answer["entries"] if entry["seq"] > known]

    def restart(self, start: str = "0") -> None:
        """Forget the place: the log is another one now."""
        self.cursor = start


async def last_entries(client: Client, conversation: str, count: int) -> str:
    """The cursor from which the newest `count` entries follow."""
    answer = await client.call(
        "GET", conversation_path(conversation, "events"), params={"after": "0", "limit": 1}, shape=EventsShape
    )
    place = _place(answer["cursor"])
    if place.epoch is None or answer["head"] <= count:
        return "0"
    return str(Cursor(place.epoch, answer["head"] - count))


async def follow(
    client: Client,
    conversation: str,
    follower: Follower,
    show: Callable[[list[Json]], None],
    *,
    live: bool,
    notice: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Show what `follower` has not seen, and with `live` whatever comes, until cancelled.

    A service that answered once and is lost is asked again without end, from the same cursor. Raises Unreachable when
    it never answered, Problem for what does not pass by itself (`conversation_deleted` above all).
    """
    path = conversation_path(conversation, "events")
    waits = backoff()
    met = lost = False
    while True:
        params: dict[str, Any] = {"after": follower.cursor, "wait": WAIT if live else None}
        asked = asyncio.get_running_loop().time()
        try:
            # Longer than any long poll may take: past it the connection is dead, however alive it looks.
            answer = await client.call("GET", path, params=params, within=WAIT + 15, shape=EventsShape)
        except (Unreachable, Problem) as error:
            if isinstance(error, Problem) and error.code == "cursor_expired" and follower.cursor != "0":
                notice(f"{error.detail or error.title} Starting over.")
                follower.restart(str(error.extra.get("start", "0")))
                continue
            if not (live and met and passes(error)):
                raise
            if not lost:
                notice(f"Lost the service: {error} Trying again.")
                lost = True
            await sleep(pause(error, waits))
            continue
        if lost:
            notice("The service is back; nothing was missed.")
            waits.reset()
            lost = False
        met = True
        if entries := follower.take(answer):
            show(entries)
        elif live and not answer["has_more"] and asyncio.get_running_loop().time() - asked < HURRIED:
            await sleep(min(max(answer.get("poll_after_ms", 1000) / 1000, 0.1), 5.0))
        if not live and not answer["has_more"]:
            return


def _place(cursor: str) -> Cursor:
    try:
        return Cursor.parse(cursor)
    except InvalidRequest:  # a service newer than this command may write its cursors otherwise: they stay opaque
        return START


__all__ = ["Follower", "follow", "last_entries"]
