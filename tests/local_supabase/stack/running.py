"""A whole stack: made, started, and stopped with all its processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import psycopg
from aiohttp import web

from tests.local_supabase.realtime.limits import QUICK
from tests.ports import free_port

from .api import Stack
from .gateway import gateway
from .keys import ANON, SERVICE, Keys
from .lite import Lite
from .parts import Parts
from .postgres import Postgres

KEEP_ALIVE = 3.0
"""Seconds for which an idle connection to a server behind the gateway is reused. Node closes one after 5 s: a request
that is sent at that very moment is lost, and the gateway would answer a 503 that no test injected."""

SQL = Path(__file__).parent / "sql"
MIGRATIONS = Path(__file__).parents[3] / "plugins/realtime_supabase/src/umbral_chat_realtime_supabase/migrations"


@asynccontextmanager
async def running(
    *,
    port: int = 0,
    data: Path | None = None,
    durable: bool = True,
    quick: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Stack]:
    """A stack on loopback. With `data` the database is kept there, else it is temporary. `quick`: Realtime's pauses
    before it refuses are short. `say` is called with a text for each step."""
    async with AsyncExitStack() as stack:
        folder = data or Path(stack.enter_context(TemporaryDirectory(prefix="umbral-chat-supabase-")))
        folder.mkdir(parents=True, exist_ok=True)
        # The server may run as another user, who needs access to its folder.
        folder.chmod(0o755)
        postgres = Postgres(folder, free_port(), durable=durable)
        is_new = postgres.is_new
        say("PostgreSQL …")
        await postgres.start()
        stack.push_async_callback(postgres.stop)
        if is_new:
            _apply(postgres.url(), sorted(SQL.glob("*.sql")))
        keys = Keys()
        lite = Lite(
            folder,
            free_port(),
            url=postgres.url(),
            secret=keys.jwt_secret,
            publishable=keys.publishable,
            service=keys.secret,
        )
        say("REST and Auth (@supabase/lite) …")
        await lite.start()
        stack.push_async_callback(lite.stop)
        _apply(postgres.url(user="postgres"), sorted(MIGRATIONS.glob("*.sql")))
        port = port or free_port()
        http = await stack.enter_async_context(upstreams())
        parts = Parts(keys, postgres, lite, http, f"http://127.0.0.1:{port}")
        say("Gateway …")
        runner = web.AppRunner(gateway(parts, QUICK if quick else None), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield Stack(
            url=parts.url,
            publishable_key=keys.publishable,
            secret_key=keys.secret,
            anon_key=keys.legacy(ANON),
            service_role_key=keys.legacy(SERVICE),
            jwt_secret=keys.jwt_secret,
            db_url=postgres.url(user="postgres"),
            admin_db_url=postgres.url(),
        )


def upstreams() -> aiohttp.ClientSession:
    """The gateway's HTTP client for the servers behind it."""
    connector = aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE)
    return aiohttp.ClientSession(auto_decompress=True, connector=connector)


def _apply(url: str, files: list[Path]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for file in files:
            with connection.transaction():
                connection.execute(file.read_bytes())


__all__ = ["KEEP_ALIVE", "running", "upstreams"]
