"""The socket's end: whatever interrupts it, nothing of it is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.live import session
from umbral_chat_realtime_supabase.live.phoenix_protocol import Broadcast
from umbral_chat_realtime_supabase.live.session import Session
from umbral_chat_realtime_supabase.live.traffic import Traffic
from umbral_chat_realtime_supabase.metrics import REALTIME_METRICS
from websockets.asyncio.server import ServerConnection, serve

CLOSE_TIMEOUT = 0.3


@asynccontextmanager
async def deaf() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that reads nothing once somebody is there, so that a goodbye is never answered; its URL."""
    met = asyncio.Event()

    async def hold(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        met.set()
        await socket.wait_closed()

    async with serve(hold, "127.0.0.1", 0, close_timeout=0.1) as server:
        (listening,) = server.sockets
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", met
        for connection in server.connections:
            connection.transport.abort()


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_its_end_is_waited_for_whoever_interrupts(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """A failover that ends while a switch to off says its goodbye once left the socket open and its task alone."""
    monkeypatch.setattr(session, "CLOSE_TIMEOUT", CLOSE_TIMEOUT)
    telemetry, before, received = Telemetry(None), asyncio.all_tasks(), list[Broadcast]()
    telemetry.declare(*REALTIME_METRICS)
    async with deaf() as (url, met):
        one = Session(
            url,
            Secret("sb_secret_x"),
            ["a"],
            heartbeat=4.0,
            connect_timeout=30.0,
            clock=SystemClock(),
            traffic=Traffic(telemetry),
            on_broadcast=received.append,
        )
        one.start()
        async with asyncio.timeout(30):
            await met.wait()
            while one._protocol is None:  # noqa: ASYNC110 - it has had the server's answer then
                await asyncio.sleep(0.005)
        stop = asyncio.create_task(one.close())
        for _ in range(times):
            await asyncio.sleep(0.02)
            stop.cancel()
        async with asyncio.timeout(30):
            await asyncio.wait((stop,))
        assert stop.cancelled() is bool(times)
        assert one.disconnection is not None
        assert not [task for task in asyncio.all_tasks() - before if task.get_name().startswith("supabase")]
