"""A published list of attacks on pages, each in every text that a page shows: none of it may become more than text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from playwright.async_api import Error

from tests.labs.kit.chat_pages import NotSeen

from .lab import Found, Lab
from .payloads import payloads
from .run import OPERATOR, Stage
from .verdict import intrusions

BATCH = 40
"""Payloads of a conversation, each a message of it."""

IN_SHORT = 80

RUNS, LABEL, NAME, TITLE = 8, 200, 100, 200
"""As many runs go on at once in a conversation, and so long may a run's label, a name and a title be here."""


async def injection(lab: Lab) -> Found:
    """Batch after batch, on the chat page and in the inbox; the operator's page stays signed in."""
    found = Found()
    chosen = payloads()
    if most := lab.payloads or (IN_SHORT if lab.short else 0):
        chosen = chosen[:: max(1, len(chosen) // most)][:most]
    refused = 0
    async with lab.stage("inbox") as stage:
        await stage.ask("POST", "messages", {"content": "hello", "sender": {"role": "user"}})
        inbox = await stage.open_inbox(OPERATOR, await stage.context())
        for number, batch in enumerate(_batched(chosen)):
            stage.conversation = f"xss-{number}.{stage.conversation.rpartition('.')[2]}"
            stored, others = await _written(stage, number, batch)
            refused += others
            await stage.open("ada", await stage.context(), query="lang=en")
            await inbox.goto(f"{stage.url}/inbox?lang=en&c={stage.conversation}")
            await _shown(stage, batch, stored)
            for name in ("ada", OPERATOR):
                noticed = await stage.noticed(name)
                found.violations += [f"payloads {number * BATCH} and following: {one}" for one in intrusions(noticed)]
                found.violations += stage.opened[name].errors
                stage.opened[name].errors.clear()
                stage.opened[name].foreign.clear()
            await stage.pages.pop("ada").context.close()
            if len(found.violations) > 50:
                break
    found.figures["payloads"] = f"{len(chosen):,}, of which the service refused {refused} texts"
    return found


def _batched(chosen: Sequence[str]) -> Sequence[Sequence[str]]:
    return [chosen[at : at + BATCH] for at in range(0, len(chosen), BATCH)]


async def _written(stage: Stage, number: int, batch: Sequence[str]) -> tuple[int, int]:
    """Write each payload as content, sender's name and metadata of a message, as title of a conversation, and some as
    labels of runs; how many messages there are, and how many texts the service refused."""
    stored = refused = 0
    base = f"/v1/conversations/{stage.conversation}"
    for at, payload in enumerate(batch):
        sender = {"role": ("user", "assistant", "agent")[at % 3], "id": f"p{at}", "name": payload[:NAME]}
        body: dict[str, Any] = {"content": payload, "sender": sender}
        body["metadata"] = {"note": payload, "attachments": [{"url": payload[:1000], "name": payload[:NAME]}]}
        taken = await _taken(stage, f"{base}/messages", body)
        if not taken:  # a name of control characters, or an attachment without an address
            taken = await _taken(stage, f"{base}/messages", {"content": payload, "sender": {"role": "user"}})
            refused += 1
        stored += taken
        await _taken(stage, "/v1/conversations", {"id": f"{stage.conversation}-{at}", "title": payload[:TITLE]})
    await _taken(stage, "/v1/conversations", {"id": stage.conversation, "title": batch[number % len(batch)][:TITLE]})
    for at, payload in enumerate(batch[number % 5 :: 5][:RUNS]):
        await _taken(
            stage, f"{base}/runs", {"run_id": f"r{at}", "sender": {"role": "assistant", "name": payload[:NAME]}}
        )
        label = " ".join(payload[:LABEL].split())
        refused += not await _taken(stage, f"{base}/runs/r{at}/progress", {"state": "tool", "label": label, "ttl": 60})
    return stored, refused


async def _taken(stage: Stage, path: str, body: dict[str, Any]) -> bool:
    """Whether the service takes it."""
    return (await stage.api.ask("POST", path, body)).status < 300


async def _shown(stage: Stage, batch: Sequence[str], messages: int) -> None:
    """Wait until both pages have rendered the newest messages, and a little longer for what they may load."""
    for name in ("ada", OPERATOR):
        await stage.shows(name, messages)
    # Now, since a draft ends when its producer is silent for half a minute.
    # One with a NUL is refused, as a message, too.
    written = "\n\n".join(payload for payload in batch if "\0" not in payload)[:20_000]
    body = {"message_id": "draft", "offset": 0, "text": written, "sender": {"role": "assistant", "name": "Nova"}}
    answer = await stage.api.ask("POST", f"/v1/conversations/{stage.conversation}/drafts", body)
    if answer.status >= 300:
        raise NotSeen(f"{stage.conversation}: the draft was refused: {answer.body.decode()[:300]}")
    for name in ("ada", OPERATOR):
        try:
            await stage.pages[name].locator("li.row.draft").first.wait_for()
        except Error:
            raise NotSeen(f"{stage.conversation}: {name} shows no draft; {await stage.screen(name)}"[:3000]) from None
    await asyncio.sleep(0.4)


__all__ = ["injection"]
