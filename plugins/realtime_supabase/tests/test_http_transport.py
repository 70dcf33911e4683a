"""A call whose caller is cancelled ends by itself, and leaves no connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from umbral_chat_realtime_supabase import http_transport as module
from umbral_chat_realtime_supabase.http_transport import http_transport

URL = "http://127.0.0.1:1"


class Body(httpx.AsyncByteStream):
    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"

    async def aclose(self) -> None:
        self.closed = True


class Below:
    """What the transport calls: a call that ends when it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_end, self.began, self.cancelled, self.body = asyncio.Event(), asyncio.Event(), False, Body()
        below = self

        async def handle(_transport: httpx.AsyncHTTPTransport, _request: httpx.Request) -> httpx.Response:
            below.began.set()
            try:
                await below.may_end.wait()
            except asyncio.CancelledError:
                below.cancelled = True
                raise
            return httpx.Response(200, stream=below.body)

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)


async def test_a_call_without_a_caller_ends_and_its_response_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    below = Below(monkeypatch)
    async with httpx.AsyncClient(transport=http_transport(URL)) as http:
        caller = asyncio.create_task(http.get(URL))
        await below.began.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        below.may_end.set()
    assert (below.cancelled, below.body.closed) == (False, True)


async def test_a_client_that_closes_waits_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)
    below = Below(monkeypatch)
    async with httpx.AsyncClient(transport=http_transport(URL)) as http:
        caller = asyncio.create_task(http.get(URL))
        await below.began.wait()
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert below.cancelled


async def test_a_call_answers_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    below = Below(monkeypatch)
    below.may_end.set()
    async with httpx.AsyncClient(transport=http_transport(URL)) as http:
        assert (await http.get(URL)).content == b"x"
    assert below.body.closed
