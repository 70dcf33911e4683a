"""`python -m tests.labs.browser`: exit code 0 when every page ended equal to the log, 2 without a browser.

The client in the system's Chromium, driven by Playwright: every scenario on every edge that the service offers."""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.labs.kit.chat_pages import NotSeen
from tests.labs.kit.chromium import find_chromium
from tests.labs.kit.driver import run_driver
from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service
from tests.local_supabase.process import stack_process
from tests.local_supabase.stack.api import Stack
from tests.local_supabase.stack.npm import modules

EDGES = {
    "websocket": ["websocket", "long_poll", "poll"],
    "sse": ["sse", "long_poll", "poll"],
    "long_poll": ["long_poll", "poll"],
    "poll": ["poll"],
    "direct": ["direct", "websocket", "long_poll", "poll"],
}
"""What a page may use, by the edge that is tried."""

PUSHED = frozenset({"channel"})
POLLED = PUSHED | {"toggle"}
LEFT_OUT = {
    "websocket": PUSHED,
    "sse": PUSHED,
    "long_poll": POLLED,  # nothing changes for those who poll
    "poll": POLLED,
    "direct": frozenset({"killed", "documented"}),  # of a service alone
}
"""Scenarios that say nothing about an edge."""

UMD = "node_modules/@supabase/supabase-js/dist/umd/supabase.js"


def main(arguments: list[str]) -> int:
    """Run it, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    if (chromium := find_chromium()) is None:
        return 2
    folder = options.logs or Path(tempfile.mkdtemp(prefix="browser-lab-"))
    folder.mkdir(parents=True, exist_ok=True)
    results: list[tuple[str, str, float, list[str]]] = []
    run_driver(_whole(options, chromium, folder, results))
    _show(results)
    if not results:
        print("The service offers none of these edges.")
        return 1
    if any(found for *_, found in results):
        print(f"BROKEN. The service's log is kept in {folder}")
        return 1
    if options.logs is None:
        shutil.rmtree(folder)
    print("Every page ended equal to the log.")
    return 0


async def _whole(
    options: argparse.Namespace,
    chromium: str,
    folder: Path,
    results: list[tuple[str, str, float, list[str]]],
) -> None:
    with stack_process(folder, fast=True) if options.supabase else nullcontext() as supabase:
        await _on(supabase, options, chromium, folder, results)


async def _on(
    supabase: Stack | None,
    options: argparse.Namespace,
    chromium: str,
    folder: Path,
    results: list[tuple[str, str, float, list[str]]],
) -> None:
    from .run import Stage
    from .scenario import SCENARIOS

    async with _prepared(options.server, chromium, folder, supabase) as prepared:
        offered = {"direct"} if supabase else await _offered(prepared["api"])
        for edge in options.edges:
            if edge not in offered:
                print(f"{edge}: the service does not offer it", flush=True)
                continue
            for name in options.scenarios or SCENARIOS:
                if name in LEFT_OUT[edge]:
                    continue
                stage = Stage(conversation=f"{name}.{edge}.{secrets.token_hex(3)}", edges=EDGES[edge], **prepared)
                began = time.monotonic()
                try:
                    await SCENARIOS[name](stage)
                    await stage.agree()
                    found = await stage.verdict()
                except NotSeen as error:
                    found = [str(error)]
                except Exception as error:  # noqa: BLE001 - of any kind: it is reported, and the next scenario runs
                    found = [f"{type(error).__name__}: {error}"]
                finally:
                    await stage.close()
                results.append((edge, name, time.monotonic() - began, found))
                print(f"{edge} {name}: {'; '.join(found) or 'good'} ({results[-1][2]:.1f} s)", flush=True)


@asynccontextmanager
async def _prepared(server: str, chromium: str, folder: Path, supabase: Stack | None) -> AsyncIterator[dict[str, Any]]:
    from playwright.async_api import async_playwright

    from .site import served

    key = secrets.token_hex(16)
    keys = json.dumps([{"name": "n8n", "key": key}])
    async with AsyncExitStack() as stack:
        probe = Service("true", folder)  # for a port of its own, which the service gets as an origin
        site = f"http://127.0.0.1:{probe.port}"
        settings = {"CORE__KEYS": keys, "CORE__CORS_ORIGINS": json.dumps([site])}
        if supabase is not None:
            settings["SUPABASE__URL"], settings["SUPABASE__KEY"] = supabase.url, supabase.secret_key
            settings["SUPABASE__PUBLISHABLE_KEY"] = supabase.publishable_key
        service = Service(server, folder, **settings)
        await service.start()
        stack.push_async_callback(service.stop)
        api = Connection(service.host, service.port, key=key)
        stack.callback(api.close)
        url = f"http://{service.host}:{service.port}"
        await stack.enter_async_context(served(probe.port, url, api, supabase_js=modules() / UMD if supabase else None))
        playwright = await stack.enter_async_context(async_playwright())
        # In a container there is no user namespace for the sandbox, and /dev/shm is small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        stack.push_async_callback(browser.close)
        yield {"service": service, "site": site, "api": api, "browser": browser, "stack": supabase}


async def _offered(api: Connection) -> set[str]:
    offers = (await api.ask("POST", "/v1/conversations/probe/connect")).json()["offers"]
    found = {str(offer["edge"]) for offer in offers}
    return found | {"long_poll"} if "poll" in found else found


def _show(results: Sequence[tuple[str, str, float, list[str]]]) -> None:
    table = Table("edge", "scenario", "seconds", "violations", title_justify="left")
    for edge, name, seconds, found in results:
        table.add_row(edge, name, f"{seconds:.1f}", str(len(found)), style="bold red" if found else None)
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.browser", description=__doc__)
    parser.add_argument("--edges", type=lambda text: text.split(","), default=list(EDGES), help=f"of {','.join(EDGES)}")
    parser.add_argument("--scenarios", type=lambda text: text.split(","), default=[], help="default: all")
    parser.add_argument("--supabase", action="store_true", help="on a local Supabase, whose own channel is the edge")
    parser.add_argument("--server", default="umbral-chat serve", help="the command of the service")
    parser.add_argument("--logs", type=Path, help="folder for the logs; without it they are kept when it is broken")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
