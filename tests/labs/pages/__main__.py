"""`python -m tests.labs.pages`: exit code 0 when every check held on the pages' screens, 2 without a browser.

The chat page and the operators' inbox in the system's Chromium, driven by Playwright."""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.labs.kit.chat_pages import NotSeen
from tests.labs.kit.chromium import find_chromium
from tests.labs.kit.driver import run_driver
from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service
from tests.ports import free_port

if TYPE_CHECKING:
    from .lab import Found, Lab

Result = tuple[str, float, "Found"]


def main(arguments: list[str]) -> int:
    """Run it, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    if (chromium := find_chromium()) is None:
        return 2
    folder = options.logs or Path(tempfile.mkdtemp(prefix="pages-lab-"))
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    run_driver(_whole(options, chromium, folder, results))
    _show(results)
    if not results or any(found.violations for *_, found in results):
        print(f"BROKEN. The service's log is kept in {folder}")
        return 1
    if options.logs is None:
        shutil.rmtree(folder)
    print("Every check held.")
    return 0


async def _whole(options: argparse.Namespace, chromium: str, folder: Path, results: list[Result]) -> None:
    from .lab import Found
    from .scenario import CHECKS, SHORT
    from .screenshots import front_page, screenshots

    async with _prepared(options, chromium, folder) as lab:
        if options.screenshots:
            results.append(("screenshots", 0.0, await screenshots(lab)))
            front = Path(tempfile.mkdtemp(prefix="front-", dir=folder))
            results.append(("the front page", 0.0, await front_page(options.server, lab.browser, front)))
            return
        for name in options.checks or (SHORT if options.short else CHECKS):
            began = time.monotonic()
            try:
                found = await CHECKS[name](lab)
            except NotSeen as error:
                found = Found([str(error)])
            except Exception as error:  # noqa: BLE001 - of any kind: it is reported, and the next check runs
                found = Found([f"{type(error).__name__}: {error}"])
            results.append((name, time.monotonic() - began, found))
            print(f"{name}: {'; '.join(found.violations) or 'good'} ({results[-1][1]:.1f} s)", flush=True)


@asynccontextmanager
async def _prepared(options: argparse.Namespace, chromium: str, folder: Path) -> AsyncIterator[Lab]:
    from playwright.async_api import async_playwright

    from .lab import Lab
    from .site import served

    program, operators = secrets.token_hex(16), secrets.token_hex(16)
    rights = ["inbox", "read", "send", "send_as", "manage", "moderate", "last_seen"]
    keys = [{"name": "n8n", "key": program}, {"name": "desk", "key": operators, "rights": rights}]
    async with AsyncExitStack() as stack:
        port = free_port()
        origins = json.dumps([f"http://127.0.0.1:{port}"])
        service = Service(options.server, folder, CORE__KEYS=json.dumps(keys), CORE__CORS_ORIGINS=origins)
        await service.start()
        stack.push_async_callback(service.stop)
        api = Connection(service.host, service.port, key=program)
        stack.callback(api.close)
        site = await stack.enter_async_context(served(port, service, program))
        playwright = await stack.enter_async_context(async_playwright())
        # In a container there is no user namespace for the sandbox, and /dev/shm is small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        stack.push_async_callback(browser.close)
        yield Lab(
            service,
            api,
            browser,
            operators,
            options.server,
            site,
            short=options.short,
            within=options.within,
            payloads=options.payloads,
        )


def _show(results: Sequence[Result]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table("check", "seconds", "violations", title_justify="left")
    for name, seconds, found in results:
        many = len(found.violations)
        table.add_row(name, f"{seconds:.1f}", str(many), style="bold red" if many else None)
    console.print(table)
    figures = Table("measured", "", title_justify="left")
    for name, _, found in results:
        for what, value in found.figures.items():
            figures.add_row(f"{name}: {what}", value)
    console.print(figures)


def _parser() -> argparse.ArgumentParser:
    from .verdict import ON_A_LOADED_ONE

    parser = argparse.ArgumentParser(prog="python -m tests.labs.pages", description=__doc__)
    parser.add_argument("--checks", type=lambda text: text.split(","), default=[], help="default: all")
    parser.add_argument("--short", action="store_true", help="less of each")
    parser.add_argument(
        "--screenshots", action="store_true", help="write the pictures of docs/images, and nothing else"
    )
    parser.add_argument(
        "--within",
        type=float,
        default=ON_A_LOADED_ONE,
        help="milliseconds in which a message must be on the other screens; 200 on a machine that does nothing else",
    )
    parser.add_argument("--payloads", type=int, default=0, help="attacks that are tried; default: all")
    parser.add_argument("--server", default="umbral-chat serve", help="the command of the service")
    parser.add_argument("--logs", type=Path, help="folder for the logs; without it they are kept when it is broken")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
