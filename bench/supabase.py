"""`make bench NAME=supabase`: the service on a local Supabase beside the same functions called directly. Prints a table
and writes `bench/SUPABASE.md`. Every figure is the median of three interleaved runs."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from supabase import AsyncClient
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.client import client
from umbral_chat_realtime_supabase.history import SupabaseHistory
from umbral_chat_realtime_supabase.settings import Supabase

from bench.servers import python, running
from tests.local_supabase.stack.api import Stack
from tests.local_supabase.stack.running import running as supabase
from tests.ports import free_port

RUNS, CALLS, TOGETHER, MANY = 3, 150, 32, 10_000
KEY = "bench-key-of-no-other-use"
CONTENT = "x" * 200

Do = Callable[[int], Awaitable[object]]

BARS = (
    ("append through the API ÷ the same function called directly (median time)", "API, one", "rpc, one", 1.5, "≤"),
    ("sends a second, 32 at once: API ÷ the same function called directly", "API, 32", "rpc, 32", None, ""),
)


@contextmanager
def service(stack: Stack, **settings: str) -> Iterator[str]:
    """Our server on the stack; its URL. `settings` are more of them, without the prefix `UMBRAL_CHAT_`."""
    port = free_port()
    environ = {
        "UMBRAL_CHAT_CORE__PORT": str(port),
        "UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "bench", "key": KEY}]),
        "UMBRAL_CHAT_SUPABASE__URL": stack.url,
        "UMBRAL_CHAT_SUPABASE__KEY": stack.secret_key,
    } | {f"UMBRAL_CHAT_{name}": value for name, value in settings.items()}
    with running(python("-m", "umbral_chat", "serve"), port, environ):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def calls(stack: Stack) -> AsyncIterator[tuple[AsyncClient, SupabaseHistory]]:
    """supabase-py as the service uses it, and a history on it."""
    settings = Supabase(url=stack.url, key=Secret(stack.secret_key), timeout=60.0)
    found = Calls(settings, SystemClock(), Telemetry(None))
    async with client(settings, Secret(stack.secret_key)) as opened:
        found.client = opened
        yield opened, SupabaseHistory(found)


def through_the_api(http: httpx.AsyncClient) -> Do:
    """A send, as n8n sends it."""

    async def send(number: int) -> None:
        answer = await http.post(
            f"/v1/conversations/api-{number % TOGETHER}/messages",
            json={"content": CONTENT, "client_id": str(uuid4())},
            headers={"Authorization": f"Bearer {KEY}"},
        )
        assert answer.status_code == 201, answer.text

    return send


def directly(rpc: AsyncClient) -> Do:
    """The same function with the same arguments, and nothing of ours around it."""

    async def send(number: int) -> None:
        key = str(uuid4())
        entry = {
            "kind": "message",
            "sender": {"role": "user", "id": "bench"},
            "client_id": key,
            "message_id": key,
            "content": CONTENT,
        }
        given: dict[str, Any] = {
            "p_conversation": f"rpc-{number % TOGETHER}",
            "p_entry": json.dumps(entry),
            "p_author": "bench",
            "p_key": key,
            "p_fingerprint": "00" * 16,
        }
        await rpc.rpc("umbral_chat_append", given).execute()

    return send


async def one_by_one(do: Do) -> float:
    """Median seconds of a call."""
    spent = []
    for number in range(CALLS):
        begun = time.perf_counter()
        await do(number)
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


async def together(do: Do) -> float:
    """Calls a second, 32 under way at any time."""
    numbers = iter(range(CALLS * 2))

    async def work() -> None:
        for number in numbers:
            await do(number)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(TOGETHER)))
    return CALLS * 2 / (time.perf_counter() - begun)


async def timed(do: Callable[[], Awaitable[object]]) -> float:
    """Seconds of one call."""
    begun = time.perf_counter()
    await do()
    return time.perf_counter() - begun


async def measure() -> dict[str, list[float]]:
    """Every figure of every run."""
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as entered:
        stack = await entered.enter_async_context(supabase(say=lambda text: print(text, file=sys.stderr)))
        url = await asyncio.to_thread(entered.enter_context, service(stack))
        http = await entered.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60))
        rpc, history = await entered.enter_async_context(calls(stack))
        fill(stack)
        names = [f"many-{number}" for number in range(MANY)]
        cases: dict[str, Callable[[], Awaitable[float]]] = {
            "rpc, one": lambda: one_by_one(directly(rpc)),
            "API, one": lambda: one_by_one(through_the_api(http)),
            "rpc, 32": lambda: together(directly(rpc)),
            "API, 32": lambda: together(through_the_api(http)),
            "state, the smallest call": lambda: one_by_one(lambda _: rpc.rpc("umbral_chat_state", {}).execute()),
            "heads of 10,000": lambda: timed(lambda: history.heads(names)),
            "page of 100 messages": lambda: timed(lambda: history.messages("page", limit=100)),
        }
        for number in range(RUNS):
            for name, case in cases.items():
                print(f"run {number + 1} of {RUNS}: {name} …", file=sys.stderr, flush=True)
                found.setdefault(name, []).append(await case())
        assert len(await history.heads(names)) == MANY
        assert len((await history.messages("page", limit=100)).messages) == 100
    return found


def fill(stack: Stack) -> None:
    """10,000 conversations, and one with 100 messages."""
    with psycopg.connect(stack.admin_db_url) as connection:
        connection.execute("set local role service_role")
        connection.execute(
            "select public.umbral_chat_ensure('many-' || n) from generate_series(0, %s - 1) as n", (MANY,)
        )
        connection.execute(
            "select public.umbral_chat_append('page', json_build_object('kind', 'message', 'sender', "
            "json_build_object('role', 'user'), 'message_id', 'm' || n, 'content', %s::text)::text, 'bench') "
            "from generate_series(1, 100) as n",
            (CONTENT,),
        )


def machine() -> str:
    """Where and how it was measured."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared by all: driver, "
        f"service, gateway, `@supabase/lite`, PostgreSQL (it syncs), Python {platform.python_version()}. 200-byte "
        f"messages; medians of {RUNS} interleaved runs of {CALLS} calls. REST and gateway are the stand-in's, so the "
        "figures say what the service adds and not what a hosted project takes."
    )


def report(found: dict[str, list[float]]) -> str:
    """Markdown."""
    medians = {name: statistics.median(runs) for name, runs in found.items()}
    lines = ["# Bench results on a local Supabase", "", machine(), ""]
    lines += ["| | median | least–most |", "| --- | ---: | ---: |"]
    for name, runs in found.items():
        rate = name.endswith(", 32")
        figures = (medians[name], min(runs), max(runs))
        shown = [f"{value:,.0f}/s" if rate else f"{value * 1000:.1f} ms" for value in figures]
        lines.append(f"| {name} | {shown[0]} | {shown[1]}–{shown[2]} |")
    lines += ["", "| ratio | bar | measured |", "| --- | ---: | ---: |"]
    for title, above, below, bar, sign in BARS:
        ratio = medians[above] / medians[below]
        missed = bar is not None and ratio > bar
        lines.append(f"| {title} | {sign} {bar or '—'} | {ratio:.2f}{' (missed)' if missed else ''} |")
    lines += [
        "",
        "Heads of 10,000 conversations and a page of history are one call of one function each.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, write."""
    text = report(asyncio.run(measure()))
    print(text)
    (Path(__file__).parent / "SUPABASE.md").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
