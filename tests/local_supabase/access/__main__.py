"""Regenerates the page of rights from a local Supabase: `python -m tests.local_supabase.access FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psycopg

from tests.local_supabase.stack.running import running

from .catalog import our_objects
from .page import text


async def page() -> str:
    """The page for a freshly migrated database."""
    async with running(durable=False) as stack:
        with psycopg.connect(stack.admin_db_url) as connection:
            return text(*our_objects(connection))


file = Path(sys.argv[1])
file.write_text(asyncio.run(page()), "utf-8")
print(f"{file} written")
