"""Writes the page of rights anew, from a local Supabase: `python -m tests.local_supabase.access FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psycopg

from tests.local_supabase.stack.running import running

from .catalog import things
from .page import text


async def page() -> str:
    """The page, of a database that was just migrated."""
    async with running(durable=False) as stack:
        with psycopg.connect(stack.admin_db_url) as connection:
            return text(*things(connection))


file = Path(sys.argv[1])
file.write_text(asyncio.run(page()), "utf-8")
print(f"{file} written")
