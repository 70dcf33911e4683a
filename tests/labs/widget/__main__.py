"""`python -m tests.labs.widget`: exit code 0 when the widget showed the log in every scenario, 2 without a browser.

n8n's stock chat widget, unchanged, with its companion, in the system's Chromium, driven by Playwright."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from tests.labs.kit.chromium import find_chromium
from tests.labs.kit.driver import run_driver
from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service
from tests.local_supabase.stack.npm import packed
from tests.ports import free_port

Result = tuple[str, float, list[str]]


def main(arguments: list[str]) -> int:
    """Run it, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    if (chromium := find_chromium()) is None:
        return 2
    folder = options.logs or Path(tempfile.mkdtemp(prefix="widget-lab-"))
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    run_driver(_whole(options, chromium, folder, results))
    _show(results)
    if not results or any(found for *_, found in results):
        print(f"BROKEN. The logs are kept in {folder}")
        return 1
    if options.logs is None:
        shutil.rmtree(folder)
    print("Every widget showed the log.")
    return 0


async def _whole(options: argparse.Namespace, chromium: str, folder: Path, results: list[Result]) -> None:
    from .bridged import BRIDGED
    from .run import NotSeen, Stage
    from .scenario import IN_N8N, SCENARIOS

    async with _prepared(options, chromium, folder) as prepared:
        for name in options.scenarios or (IN_N8N if options.n8n else SCENARIOS):
            # The gateway gives a history only for an id that was drawn at random.
            session = str(uuid4()) if name in BRIDGED else f"{name}.{secrets.token_hex(3)}"
            stage = Stage(conversation=f"{BRIDGED.get(name, '')}{session}", session=session, **prepared)
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
            results.append((name, time.monotonic() - began, found))
            print(f"{name}: {'; '.join(found) or 'good'} ({results[-1][1]:.1f} s)", flush=True)


@asynccontextmanager
async def _prepared(options: argparse.Namespace, chromium: str, folder: Path) -> AsyncIterator[dict[str, Any]]:
    from playwright.async_api import async_playwright

    from .bridged import PUSHING, STREAMING
    from .real_n8n import real_workflows
    from .site import INTEGRITY, WIDGET, documented_page, served
    from .workflow import workflows

    key = secrets.token_hex(16)
    widget = await asyncio.to_thread(packed, WIDGET, INTEGRITY)
    async with AsyncExitStack() as stack:
        port, n8n_port = free_port(), free_port()
        site = f"http://127.0.0.1:{port}"
        keys = json.dumps([{"name": "n8n", "key": key}])
        silent = {"webhook_url": f"http://127.0.0.1:{n8n_port}/webhook/silent/chat", "origins": [site]}
        bridged = json.dumps({PUSHING: {**silent, "push": True}, STREAMING: silent})
        service = Service(
            options.server, folder, CORE__KEYS=keys, CORE__CORS_ORIGINS=json.dumps([site]), N8N__CHATS=bridged
        )
        await service.start()
        stack.push_async_callback(service.stop)
        api, visitor = Connection(service.host, service.port, key=key), Connection(service.host, service.port)
        stack.callback(api.close)
        stack.callback(visitor.close)
        url = f"http://{service.host}:{service.port}"
        chats: Any
        if options.n8n:
            chats = await stack.enter_async_context(real_workflows(folder, key, url))
        else:
            chats = await stack.enter_async_context(workflows(key, (service.host, service.port), n8n_port))
        page = documented_page(site, webhookUrl=chats.webhook("simple"), tokens=chats.tokens, url=url)
        await stack.enter_async_context(served(port, widget, page))
        playwright = await stack.enter_async_context(async_playwright())
        # In a container there is no user namespace for the sandbox, and /dev/shm is small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        stack.push_async_callback(browser.close)
        yield {
            "service": service,
            "site": site,
            "api": api,
            "visitor": visitor,
            "browser": browser,
            "chats": chats,
        }


def _show(results: Sequence[Result]) -> None:
    table = Table("scenario", "seconds", "violations", title_justify="left")
    for name, seconds, found in results:
        table.add_row(name, f"{seconds:.1f}", str(len(found)), style="bold red" if found else None)
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.widget", description=__doc__)
    parser.add_argument("--scenarios", type=lambda text: text.split(","), default=[], help="default: all")
    parser.add_argument("--n8n", action="store_true", help="on a real n8n with the shipped workflows, installed once")
    parser.add_argument("--server", default="umbral-chat serve", help="the command of the service")
    parser.add_argument("--logs", type=Path, help="folder for the logs; without it they are kept when it is broken")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
