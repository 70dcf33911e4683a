"""Following a conversation: the reader's position (pure), and the loop of streams and polls that survives outages."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Literal

from umbral_chat._core.cli.client import Client, Json, conversation_path
from umbral_chat._core.cli.failures import AnotherService, Problem, Unreachable
from umbral_chat._core.cli.retry import is_transient, new_backoff, next_delay
from umbral_chat._core.cli.shapes import EventsShape
from umbral_chat._core.cli.stream import end_problem, read_stream
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.cursor import START, Cursor

LONG_POLL_WAIT = 55
"""Seconds that a long poll may take. Below 60 s, at which home routers cut idle connections."""

EARLY_ANSWER = 0.5
"""Seconds. A long poll that is answered empty earlier than this was not held (the service is stopping, say). The next
one is then sent after the service's `poll_after_ms`, or the loop would spin."""

STREAM_RETRY = 60.0
"""Seconds of long polls after which a stream is tried again, where realtime was off, or where something on the way
does not let a stream through as it is."""

Place = Literal["next", "known", "ahead", "elsewhere"]
"""Where an entry of a stream is: the next one, shown before, behind others that are missing, or in another log."""


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

    def take_entry(self, cursor: str, entry: Json) -> Place:
        """Where an entry of a stream is; past the next one the cursor is moved to `cursor`, which is after it."""
        before, after = _parse_cursor(self.cursor), _parse_cursor(cursor)
        if after.epoch is not None:  # else the form of cursors is not known here
            if before.epoch not in {None, after.epoch}:
                return "elsewhere"
            if entry["seq"] <= before.seq:
                return "known"
            if entry["seq"] > before.seq + 1:
                return "ahead"
        self.cursor = cursor
        return "next"

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
    clock: Clock | None = None,
) -> None:
    """Call `show` with the entries after the follower's cursor and, with `live`, with new ones until cancelled.

    With `live`, they come over a stream where the service has one, by long polls elsewhere, and once the service has
    answered, transient errors are retried without end from the same cursor. Raises Unreachable if it never answered,
    Problem for an error that is not transient (such as `conversation_deleted`).
    """
    await _Following(client, conversation, follower, show, live=live, notice=notice, clock=clock or SystemClock()).run()


class _Following:
    """`follow`: what it remembers from one connection to the next."""

    def __init__(
        self,
        client: Client,
        conversation: str,
        follower: Follower,
        show: Callable[[list[Json]], None],
        *,
        live: bool,
        notice: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._client, self._conversation, self._follower = client, conversation, follower
        self._show, self._live, self._notice = show, live, notice
        self._sleep, self._now = clock.sleep, clock.monotonic
        self._stream_from = self._now() if live else inf
        """Monotonic time from which a stream is tried."""
        self._backoff = new_backoff()
        self._connected = self._lost = False

    async def run(self) -> None:
        """Read on until everything is shown or, live, until cancelled."""
        done = False
        while not done:
            try:
                if self._now() >= self._stream_from:
                    await self._read_stream()
                else:
                    done = not await self._poll(wait=LONG_POLL_WAIT if self._live else None) and not self._live
            except (Unreachable, Problem) as error:
                await self._recover(error)

    async def _read_stream(self) -> None:
        try:
            end = await read_stream(
                self._client, self._conversation, self._follower.cursor, opened=self._answered, entry=self._take_entry
            )
        except AnotherService:  # if it is one, polls find that, too
            self._stream_from = self._now() + STREAM_RETRY
            return
        except Problem as error:
            if error.status != 404:
                raise
            self._stream_from = inf  # a service without streams
            return
        if end is None or end.reconnect == "poll":
            self._stream_from = self._now() + STREAM_RETRY
        elif end.reconnect in {"never", "renew"}:
            raise end_problem(end)
        else:
            await self._sleep(end.pause())

    async def _take_entry(self, cursor: str, entry: Json) -> None:
        match self._follower.take_entry(cursor, entry):
            case "next":
                self._show([entry])
            case "ahead":
                while await self._poll(wait=None):
                    pass
            case "elsewhere":
                raise Problem(410, "Gone", "The stream has entries of another log.", "cursor_expired")
            case "known":
                pass

    async def _poll(self, *, wait: int | None) -> bool:
        """Poll once, for so many seconds at most; whether there is more that was not shown."""
        sent_at = self._now()
        answer = await self._client.call(
            "GET",
            conversation_path(self._conversation, "events"),
            params={"after": self._follower.cursor, "wait": wait},
            # Longer than any long poll may take: after that the connection is dead.
            within=LONG_POLL_WAIT + 15,
            shape=EventsShape,
        )
        self._answered()
        if entries := self._follower.take(answer):
            self._show(entries)
        elif wait is not None and not answer["has_more"] and self._now() - sent_at < EARLY_ANSWER:
            await self._sleep(min(max(answer.get("poll_after_ms", 1000) / 1000, 0.1), 5.0))
        return bool(answer["has_more"])

    def _answered(self) -> None:
        if self._lost:
            self._notice("The service is back; nothing was missed.")
            self._backoff.reset()
            self._lost = False
        self._connected = True

    async def _recover(self, error: Unreachable | Problem) -> None:
        """Wait until it is worth trying again. Raises `error` where it is not."""
        if isinstance(error, Problem) and error.code == "cursor_expired" and self._follower.cursor != "0":
            self._notice(f"{error.detail or error.title} Starting over.")
            self._follower.restart(str(error.extra.get("start", "0")))
            return
        if not (self._live and self._connected and is_transient(error)):
            raise error
        if not self._lost:
            self._notice(f"Lost the service: {error} Trying again.")
            self._lost = True
        await self._sleep(next_delay(error, self._backoff))


def _parse_cursor(cursor: str) -> Cursor:
    try:
        return Cursor.parse(cursor)
    except InvalidRequest:  # a newer service may write cursors in another form: they are opaque
        return START


__all__ = ["Follower", "follow", "last_entries"]
