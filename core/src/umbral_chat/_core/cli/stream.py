"""Following a conversation over its stream (SSE): one connection, its entries, and why it ended."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
from httpx_sse import EventSource, SSEError

from umbral_chat._core.cli.client import Client, Json, conversation_path
from umbral_chat._core.cli.failures import AnotherService, Problem
from umbral_chat._core.cli.retry import SPREAD
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.cursor import Cursor

SILENCE = 40.0
"""Seconds without a byte after which the connection is dead: the service sends a heartbeat every 15 s, and one may be
late."""


class ClosingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last event of a stream: why it ended, and what a client does next."""

    state: Literal["closed"]
    code: str
    reconnect: str
    """`now`, `renew`, `poll` or `never`; what a newer service may say besides is like `now`."""
    retry_ms: int | None = None
    """Milliseconds to wait first; where the status has none, those of the stream's last `retry` field."""
    detail: str = ""

    def pause(self) -> float:
        """Seconds until the stream is opened again."""
        seconds = (self.retry_ms or 0) / 1000
        # A drain names the time over which its clients come back. Any other time is a minimum, the same for all.
        spread = (0.0, 1.0) if self.code == "draining" else (1.0, SPREAD)
        return seconds * random.uniform(*spread)  # noqa: S311 - spreads load, guards nothing


class _Status(msgspec.Struct, frozen=True):
    state: str


class StreamedEntry(msgspec.Struct, frozen=True):
    """The members of an entry that a reader needs; the whole entry is passed on as it came."""

    seq: int
    kind: str


STATUS_OF_CODE = {"token_expired": 401, "unauthorized": 401, "forbidden": 403, "conversation_deleted": 410}
"""The HTTP status that a poll answers for the same reason; 409 for other codes."""


async def read_stream(
    client: Client,
    conversation: str,
    cursor: str,
    *,
    opened: Callable[[], None],
    entry: Callable[[str, Json], Awaitable[None]],
) -> ClosingStatus | None:
    """Read one stream from `cursor` to its end. `opened` is called with each status of the service, `entry` with each
    entry and the cursor after it; nothing is read while it waits.

    None: there is no stream now, since realtime is off. Raises Unreachable when the connection is lost or silent,
    Problem when the service refuses, AnotherService for an answer or an event that no Umbral Chat service sends, and
    what `entry` raises.
    """
    path = conversation_path(conversation, "stream")
    async with client.stream(path, params={"after": cursor}, silence=SILENCE) as answer:
        if answer.status_code == 204:
            return None
        where = str(answer.request.url.copy_with(query=None))
        retry: int | None = None
        try:
            async for event in EventSource(answer).aiter_sse():
                retry = retry if event.retry is None else event.retry
                match event.event:
                    case "entry":
                        found = _decode(event.data, StreamedEntry, where)
                        _check_cursor(event.id, found["seq"], where)
                        await entry(event.id, found)
                    case "status":
                        status = _decode(event.data, _Status, where)
                        opened()
                        if status["state"] == "closed":
                            end = msgspec.convert(_decode(event.data, ClosingStatus, where), ClosingStatus)
                            return msgspec.structs.replace(end, retry_ms=retry) if end.retry_ms is None else end
                    case _:  # signals, which have no lines; and what a newer service sends
                        pass
        except SSEError as error:
            raise AnotherService(answer.status_code, where, f"GET was answered with no event stream: {error}") from None
    raise client.lost("the stream ended without its last event.")


def end_problem(end: ClosingStatus) -> Problem:
    """The end of a stream that must not be opened again as it was, as the error that a poll would be answered with."""
    return Problem(STATUS_OF_CODE.get(end.code, 409), "The stream ended", end.detail, end.code)


def _check_cursor(cursor: str, seq: int, where: str) -> None:
    """Raise AnotherService for an entry without a cursor, or with that of another entry."""
    try:
        sound = Cursor.parse(cursor).seq == seq
    except InvalidRequest:  # a newer service may write cursors in another form: they are opaque
        sound = True
    if not cursor or not sound:
        raise AnotherService(200, where, f"The stream has an entry {seq} with the id {cursor!r}.")


def _decode(data: str, shape: Any, where: str) -> Json:
    try:
        found = msgspec.json.decode(data)
        msgspec.convert(found, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnotherService(200, where, f"The stream has an unexpected event: {error}.") from None
    return found


__all__ = ["SILENCE", "ClosingStatus", "end_problem", "read_stream"]
