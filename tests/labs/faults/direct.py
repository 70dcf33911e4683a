"""Readers on Supabase's own channels: the how-to's program, as it stands, with the real supabase-js in Node.

They reach the project and the service through the lab's proxies, each its own instance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.docs.pages import ROOT, blocks
from tests.labs.kit.facts import Item, Reading, Shown, item_of
from tests.labs.kit.http1 import NoAnswer
from tests.labs.kit.run import RunAborted
from tests.local_supabase.people import PASSWORD, User, sign_up
from tests.local_supabase.realtime.js import Program, program
from tests.local_supabase.stack.api import Stack

from .run import Lab
from .snapshots import Copy, SnapshotReading, unfolded

PAGE = ROOT / "docs" / "how-to" / "supabase-direct.md"
SCRIPT = Path(__file__).parent / "direct.mjs"

HEARD, READ = "heard", "read"
"""How a page learnt of an entry: from its channel, or by a read from the service."""

TIMEOUT = 20.0
"""Seconds in which each page must have its first copy, before anything is broken."""


class Place(NamedTuple):
    """Where a page follows what."""

    instance: int
    conversation: str


def places(run: Lab) -> list[Place]:
    """One page of a busy conversation, and of the other instance one of a conversation in which hardly anything is
    said: what is missed there is not shown soon by what comes after. Two, for the machine's sake."""
    names = run.plan.names
    return [Place(0, names[0]), Place(1, names[-1])]


class DirectReader:
    """One page: what it applied, and its copies. Lines of the program come in, nothing is asked."""

    def __init__(self, run: Lab, number: int, place: Place, pool: dict[Item, Item]) -> None:
        name = f"d{number}"
        self.applied = Reading(name, place.conversation, instance=place.instance)
        """In the order in which it was put into the copy. What a snapshot replaced was never applied."""
        self.copies = SnapshotReading(name, place.conversation, place.instance)
        self._run, self._pool = run, pool
        self._known: dict[int, Item] = {}
        self._began, self._ended = asyncio.Event(), asyncio.Event()

    @property
    def conversation(self) -> str:
        """Its id."""
        return self.applied.conversation

    @property
    def highest(self) -> int:
        """Of its newest copy."""
        return self.copies.copies[-1].highest if self.copies.copies else 0

    @property
    def ended(self) -> bool:
        """Whether the page follows no more."""
        return self._ended.is_set()

    async def begun(self) -> None:
        """Until it has a copy."""
        await self._began.wait()

    async def work(self) -> None:
        """It works by itself: until it ends."""
        await self._ended.wait()

    def take(self, line: dict[str, Any], now: float) -> None:
        """What the program told at `now` (monotonic seconds)."""
        try:
            applied = [(self._item(each["entry"]), HEARD if each["heard"] else READ) for each in line["applied"]]
            for item in map(self._item, line["changed"]):
                self._known[item.seq] = item
            items = tuple(self._known[seq] for seq in line["copy"])
        except (KeyError, TypeError) as error:
            self._fail(f"told what has not the contract's form ({error!r}): {str(line)[:300]}")
            return
        for item, how in applied:
            self.applied.items.append(item)
            self.applied.shown.append(Shown(now, how))
        if not self.copies.copies or self.copies.copies[-1].items != items:
            self.copies.copies.append(Copy(now, applied[-1][1] if applied else READ, items))
        self._began.set()
        if line["over"] is not None:
            self._fail(f"followed no more: {line['over']}")

    def end(self, why: str) -> None:
        """The program ended, and so does this."""
        if not self.ended:
            self._fail(why)

    def _item(self, message: dict[str, Any]) -> Item:
        item = item_of(message if "kind" in message else unfolded(message))
        return self._pool.setdefault(item, item)

    def _fail(self, what: str) -> None:
        self._ended.set()
        self._began.set()
        self._run.surprise(f"{self.applied.reader} in {self.conversation} {what}")


@asynccontextmanager
async def direct_readers(
    run: Lab, stack: Stack | None, pool: dict[Item, Item], folder: Path
) -> AsyncIterator[Sequence[DirectReader]]:
    """They follow within the block; none without a project. Raises RunAborted when they cannot begin."""
    if stack is None or run.direct_link is None:
        yield []
        return
    chosen = places(run)
    readers = [DirectReader(run, number, place, pool) for number, place in enumerate(chosen)]
    user = await sign_up(stack, f"{run.plan.names[0]}@example.com")
    for place in chosen:
        await _made(run, place, user)
    (block,) = [block for block in blocks(PAGE) if block.language == "js"]
    module = folder / "follow.mjs"
    module.write_text(block.text, encoding="utf-8")
    pages = [
        {"service": f"http://127.0.0.1:{run.clients[place.instance].listens_on}", "conversation": place.conversation}
        for place in chosen
    ]
    url = f"http://127.0.0.1:{run.direct_link.listens_on}"
    options = {"url": url, "key": stack.publishable_key, "email": user.email, "password": PASSWORD}
    async with program(SCRIPT, module=str(module), pages=pages, **options) as running:
        listening = asyncio.create_task(_listened(running, readers))
        try:
            await _all_begun(readers)
            _record(run, readers)
            yield readers
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def _record(run: Lab, readers: Sequence[DirectReader]) -> None:
    run.followers = {reader.applied.reader for reader in readers}
    if run.schedule.snapshot:
        run.snapshots += [reader.copies for reader in readers]
    else:
        run.applied = [reader.applied for reader in readers]
        run.copies = [reader.copies for reader in readers]


async def _all_begun(readers: Sequence[DirectReader]) -> None:
    try:
        async with asyncio.timeout(TIMEOUT):
            for reader in readers:
                await reader.begun()
    except TimeoutError as error:
        raise RunAborted(f"the pages did not begin within {TIMEOUT:.0f} s") from error


async def _listened(running: Program, readers: Sequence[DirectReader]) -> None:
    async for line, at in running.read_lines():
        readers[line["page"]].take(line, at)
    for reader in readers:
        reader.end("ended with its program")


async def _made(run: Lab, place: Place, user: User) -> None:
    connection = run.direct(place.instance)
    body = {"id": place.conversation, "members": [{"subject": user.id}]}
    try:
        answer = await connection.ask("POST", "/v1/conversations", body, timeout=12.0)
    except NoAnswer as lost:
        raise RunAborted(f"{place.conversation} could not be made: {lost}") from lost
    finally:
        connection.close()
    if answer.status not in {200, 201}:
        raise RunAborted(f"{place.conversation} could not be made: {answer.status} {answer.body[:300]!r}")
    run.facts.made.add(place.conversation)


__all__ = ["HEARD", "READ", "DirectReader", "Place", "direct_readers", "places"]
