"""`make supabase`: a local Supabase on loopback, without Docker, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.labs.kit.driver import run_driver
from tests.local_supabase.stack.api import Stack
from tests.local_supabase.stack.running import running

SHOWN = """
A local Supabase is running. It is a stand-in for tests: REST and Auth are Supabase's own (@supabase/lite) on a real
PostgreSQL; the gateway and Realtime are ours, see tests/local_supabase/README.md. All of it reaches this machine only.

export SUPABASE_URL={0.url}
export SUPABASE_PUBLISHABLE_KEY={0.publishable_key}
export SUPABASE_SECRET_KEY={0.secret_key}
export SUPABASE_DB_URL={0.db_url}

The migrations are applied. To serve on it, in another shell:

export UMBRAL_CHAT_SUPABASE__URL={0.url}
export UMBRAL_CHAT_SUPABASE__KEY={0.secret_key}
uv run umbral-chat serve        # or: .venv/bin/umbral-chat serve

Ctrl-C ends it{1}.
"""


def main() -> None:
    """Run a stack until Ctrl-C."""
    # The real Realtime's limit on the depth of JSON is its memory, and not its stack.
    sys.setrecursionlimit(10_000)
    parser = argparse.ArgumentParser(prog="make supabase ARGS=…", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=54321, help="port of the gateway (default: 54321; 0 takes a free one)"
    )
    parser.add_argument("--data", type=Path, help="folder for the database; without it, the database is temporary")
    parser.add_argument(
        "--json-file", type=Path, help="write URLs and keys there when everything runs, and print nothing"
    )
    parser.add_argument("--fast", action="store_true", help="for tests: PostgreSQL does not wait for the disk")
    parser.add_argument("--quick", action="store_true", help="for tests: Realtime refuses without its long pauses")
    arguments = parser.parse_args()
    run_driver(_serve(arguments))


async def _serve(arguments: argparse.Namespace) -> None:
    quiet = arguments.json_file is not None

    def say(text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr, flush=True)

    data = arguments.data.resolve() if arguments.data else None
    async with running(
        port=arguments.port, data=data, durable=not arguments.fast, quick=arguments.quick, say=say
    ) as stack:
        if quiet:
            stack.write(arguments.json_file)
        else:
            _show(stack, kept=data)
        await asyncio.Event().wait()


def _show(stack: Stack, kept: Path | None) -> None:
    print(
        SHOWN.format(stack, f"; the database stays in {kept}" if kept else " and throws the database away"), flush=True
    )


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
