"""The gateway causes no 503 itself: it never sends on a connection that the server behind it is closing."""

from __future__ import annotations

import asyncio
import subprocess

from aiohttp import web

from tests.local_supabase.stack.npm import node
from tests.local_supabase.stack.running import KEEP_ALIVE, upstreams


async def test_the_keep_alive_is_shorter_than_nodes() -> None:
    command = [str(node()), "-p", "require('http').createServer().keepAliveTimeout / 1000"]
    closed_after = await asyncio.to_thread(subprocess.check_output, command, text=True)
    # Timers on either side may be late.
    assert float(closed_after) > KEEP_ALIVE + 1


async def test_the_gateways_client_closes_connections_that_were_idle_for_that_long() -> None:
    transports: list[object] = []

    async def answer(request: web.Request) -> web.Response:
        transports.append(request.transport)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, keepalive_timeout=60.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with upstreams() as http:
            for pause in (0.0, 0.0, KEEP_ALIVE + 0.1):
                async with http.get(url) as answered:
                    assert answered.status == 200
                await asyncio.sleep(pause)
            async with http.get(url) as answered:
                assert answered.status == 200
    finally:
        await runner.cleanup()
    assert transports[0] is transports[1] is transports[2]
    assert transports[3] is not transports[2]
