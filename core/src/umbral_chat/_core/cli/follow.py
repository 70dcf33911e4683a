"""Following a conversation: the reader's position (pure), and the long-poll loop that survives outages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from umbral_chat._core.cli.client import Client, Json, conversation_path
from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat._core.cli.retry import is_transient, new_backoff, next_delay
from umbral_chat._core.cli.shapes import EventsShape
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.cursor import START, Cursor

LONG_POLL_WAIT = 55
"""Seconds that a long poll may take. Below 60 s, at which home routers cut idle connections."""

EARLY_ANSWER = 0.5
"""Seconds. A long poll that is answered empty earlier than this was not held (the service is stopping, say). The next
one is then sent after the service's `poll_after_ms`, or the loop would spin."""


class Follower:
    """The position of a reader in one log: takes answers, returns each entry once and in order."""

    def __init__(self, cursor: str = "0") -> None:
        self.cursor = cursor

    def take(self, answer: Json) -> list[Json]:
        """The entries of an events answer that were not returned before; moves the cursor past them."""
        before, after = _parse_cursor(self.cursor), _parse_cursor(answer["cursor"])
        known = before.seq if before.epoch == after.epoch else 0
        self.cursor = answer["cursor"]
        if answer.get("snapshot"):
            # The answer is the newest folded messages, to replace a copy; those changed since the cursor are new.
            return [{"kind": "message", **message} for message in answer["messages"] if message["version"] > known]
        return [entry for entry in answer["entries"] if entry["seq"] > known]

    def restart(self, start: str = "0") -> None:
        """Move the cursor to `start`, after the log was replaced by another."""
        self.cursor = start


async def last_entries(client: Client, conversation: str, count: int) -> str:
    """The cursor after which the newest `count` entries follow."""
    answer = await client.call(
        "GET", conversation_path(conversation, "events"), params={"after": "0", "limit": 1}, shape=EventsShape
    )
    newest = _parse_cursor(answer["cursor"])
    if newest.epoch is None or answer["head"] <= count:
        return "0"
    return str(Cursor(newest.epoch, answer["head"] - count))


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
    """Call `show` with the entries after the follower's cursor and, with `live`, with new ones until cancelled.

    With `live`, once the service has answered, transient errors are retried without end from the same cursor. Raises
    Unreachable if it never answered, Problem for an error that is not transient (such as `conversation_deleted`).
    """
    path = conversation_path(conversation, "events")
    backoff = new_backoff()
    connected = lost = False
    while True:
        params: dict[str, Any] = {"after": follower.cursor, "wait": LONG_POLL_WAIT if live else None}
        sent_at = asyncio.get_running_loop().time()
        try:
            # Longer than any long poll may take: after that the connection is dead.
            answer = await client.call("GET", path, params=params, within=LONG_POLL_WAIT + 15, shape=EventsShape)
        except (Unreachable, Problem) as error:
            if isinstance(error, Problem) and error.code == "cursor_expired" and follower.cursor != "0":
                notice(f"{error.detail or error.title} Starting over.")
                follower.restart(str(error.extra.get("start", "0")))
                continue
            if not (live and connected and is_transient(error)):
                raise
            if not lost:
                notice(f"Lost the service: {error} Trying again.")
                lost = True
            await sleep(next_delay(error, backoff))
            continue
        if lost:
            notice("The service is back; nothing was missed.")
            backoff.reset()
            lost = False
        connected = True
        if entries := follower.take(answer):
            show(entries)
        elif live and not answer["has_more"] and asyncio.get_running_loop().time() - sent_at < EARLY_ANSWER:
            await sleep(min(max(answer.get("poll_after_ms", 1000) / 1000, 0.1), 5.0))
        if not live and not answer["has_more"]:
            return


def _parse_cursor(cursor: str) -> Cursor:
    try:
        return Cursor.parse(cursor)
    except InvalidRequest:  # a newer service may write cursors in another form: they are opaque
        return START


__all__ = ["Follower", "follow", "last_entries"]
