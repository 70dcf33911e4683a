"""Who has read how far, on the pages of a service that shows it and on those of one that does not."""

from __future__ import annotations

import dataclasses
import json
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator

from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service

from .lab import Found, Lab
from .run import OPERATOR, ROW, Stage

VISITOR = "ada"
UNSEEN_FOR = 3_000.0
"""Milliseconds for which nothing may be shown where receipts are off. Where they are on, they take one second."""


async def receipts(lab: Lab) -> Found:
    """A message of either side gets its second tick when the other side's screen shows it, and not before."""
    found = Found()
    async with _with_receipts(lab) as shows, shows.stage("receipts") as stage:
        await stage.open(VISITOR, await stage.context())
        question = await stage.send(VISITOR)
        await _sign(stage, VISITOR, question, "Sent").wait_for()
        if await _sign(stage, VISITOR, question, "Seen").count():
            found.violations.append("a message is called seen that nobody has read")
        await stage.open_inbox(OPERATOR, await stage.context())
        await _sign(stage, VISITOR, question, "Seen").wait_for()
        answer = await stage.send(OPERATOR)
        await _sign(stage, OPERATOR, answer, "Seen by Ada").wait_for()
        found.violations += await stage.verdict()
    async with lab.stage("receipts", operator=True) as stage:
        await stage.open(VISITOR, await stage.context())
        question = await stage.send(VISITOR)
        await stage.shows_text(OPERATOR, question)
        answer = await stage.send(OPERATOR)
        await stage.shows_text(VISITOR, answer)
        await stage.pages[VISITOR].wait_for_timeout(UNSEEN_FOR)
        for name, text in ((VISITOR, question), (OPERATOR, answer)):
            if not await _sign(stage, name, text, "Sent").count():
                found.violations.append(f"{name} sees who has read, where receipts are off")
    return found


def _sign(stage: Stage, name: str, text: str, words: str) -> Locator:
    """The sign at the person's own message, if it says this."""
    row = stage.pages[name].locator(ROW, has_text=text).last
    return row.get_by_role("img", name=words, exact=True)


@asynccontextmanager
async def _with_receipts(lab: Lab) -> AsyncIterator[Lab]:
    """The same lab, on a service whose pages show receipts."""
    with tempfile.TemporaryDirectory(prefix="pages-receipts-") as folder:
        program, desk = secrets.token_hex(16), secrets.token_hex(16)
        keys = json.dumps([{"name": "n8n", "key": program}, {"name": "desk", "key": desk}])
        service = Service(lab.server, Path(folder), CORE__KEYS=keys, WEBCHAT__RECEIPTS="true")
        await service.start()
        api = Connection(service.host, service.port, key=program)
        try:
            yield dataclasses.replace(lab, service=service, api=api, key=desk)
        finally:
            api.close()
            await service.stop()


__all__ = ["receipts"]
