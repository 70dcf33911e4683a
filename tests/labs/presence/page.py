"""The page: the program of the how-to, run by Node with supabase-js, on the channel of each conversation."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.docs.pages import ROOT, blocks
from tests.local_supabase.people import PASSWORD, sign_up
from tests.local_supabase.realtime.js import Line, Program, program
from tests.local_supabase.stack.api import Stack

from .observations import Gone, Observation, ObserverLog, people_of, typing_of
from .run import Run, RunAborted

HOW_TO = ROOT / "docs" / "how-to" / "supabase-direct.md"
SCRIPT = Path(__file__).parent / "page.mjs"


@asynccontextmanager
async def page(run: Run, stack: Stack, folder: Path, key: str) -> AsyncIterator[Program]:
    """A member of every conversation looks on, through the first instance."""
    user = await sign_up(stack, f"page-{run.plan.seed}-{time.monotonic_ns()}@example.com")
    base = f"http://{run.services[0].host}:{run.services[0].port}"
    async with httpx.AsyncClient(base_url=base, timeout=30, headers={"Authorization": f"Bearer {key}"}) as client:
        for name in run.plan.names:
            made = await client.post("/v1/conversations", json={"id": name, "members": [{"subject": user.id}]})
            made.raise_for_status()
    (block,) = [block for block in blocks(HOW_TO) if block.language == "js"]
    module = folder / "follow.mjs"
    module.write_text(block.text, encoding="utf-8")
    options = {"url": stack.url, "key": stack.publishable_key, "email": user.email, "password": PASSWORD}
    async with program(SCRIPT, module=str(module), service=base, conversations=run.plan.names, **options) as running:
        yield running


async def look_on(run: Run, running: Program, logs: dict[str, ObserverLog]) -> None:
    """Take what it tells until cancelled. Raises RunAborted when it ends."""
    names: dict[tuple[str, str], str] = {}

    def take(line: Line) -> bool:
        now = time.monotonic()
        of = logs[line["conversation"]]
        if "left" in line:
            of.gone += [Gone(now, names.get((of.conversation, who), who)) for who in line["left"]]
            return False
        names.update({(of.conversation, each["person"]): each["name"] for each in line["people"] if "name" in each})
        of.seen.append(Observation(now, now, people_of(line["people"]), typing_of(line["typing"])))
        return bool(line["over"])

    while True:
        try:
            line = await running.until(take, "an end", within=3600.0)
        except AssertionError as error:
            raise RunAborted("the page ended by itself") from error
        run.surprise(f"the page stopped to follow {line['conversation']}: {line['over']}")
        return


__all__ = ["look_on", "page"]
