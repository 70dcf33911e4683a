"""Following a conversation over its stream (SSE): one connection, its entries, and why it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from httpx_sse import EventSource, SSEError

from umbral_chat._core.cli.client import Client, Json, conversation_path
from umbral_chat._core.cli.failures import AnotherService, Problem

SILENCE = 40.0
"""Seconds without a byte after which the connection is dead: the service sends a heartbeat every 15 s, and one may be
late."""


class ClosingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last event of a stream: why it ended, and what a client does next."""

    state: Literal["closed"]
    code: str
    reconnect: Literal["now", "renew", "poll", "never"]
    retry_ms: int = 0
    detail: str = ""


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
    entry: Callable[[str, Json], None],
) -> ClosingStatus | None:
    """Read one stream from `cursor` to its end. `opened` is called when the service answers, `entry` with each entry
    and the cursor after it.

    None: there is no stream now, since realtime is off. Raises Unreachable when the connection is lost or silent,
    Problem when the service refuses, and AnotherService for events that no Umbral Chat service sends.
    """
    path = conversation_path(conversation, "stream")
    async with client.stream(path, params={"after": cursor}, silence=SILENCE) as answer:
        if answer.status_code == 204:
            return None
        opened()
        where = str(answer.request.url.copy_with(query=None))
        try:
            async for event in EventSource(answer).aiter_sse():
                match event.event:
                    case "entry":
                        found = _decode(event.data, StreamedEntry, where)
                        entry(event.id, found)
                    case "status" if _decode(event.data, _Status, where)["state"] == "closed":
                        return msgspec.convert(_decode(event.data, ClosingStatus, where), ClosingStatus)
                    case _:  # signals, which have no lines; and what a newer service sends
                        pass
        except SSEError as error:
            raise AnotherService(answer.status_code, where, f"GET was answered with no event stream: {error}") from None
    raise client.lost("the stream ended without its last event.")


def end_problem(end: ClosingStatus) -> Problem:
    """The end of a stream that must not be opened again as it was, as the error that a poll would be answered with."""
    return Problem(STATUS_OF_CODE.get(end.code, 409), "The stream ended", end.detail, end.code)


def _decode(data: str, shape: Any, where: str) -> Json:
    try:
        found = msgspec.json.decode(data)
        msgspec.convert(found, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnotherService(200, where, f"The stream has an unexpected event: {error}.") from None
    return found


__all__ = ["SILENCE", "ClosingStatus", "end_problem", "read_stream"]
