"""Answers that grow while they are written: nothing jumps, for whoever reads along and for whoever reads further up."""

from __future__ import annotations

import asyncio
from typing import Any

from .conversations import history
from .lab import Found, Lab
from .long_history import JUMP
from .run import Stage
from .verdict import shifted

ANSWER = (
    "Here is how to return it:\n\n1. print the label,\n2. put the parcel **into a box**,\n3. bring it to the shop.\n\n"
    "| day | open |\n| --- | --- |\n| Monday | 9 to 17 |\n| Tuesday | 9 to 20 |\n\n"
    "```python\nfor parcel in parcels:\n    parcel.send()\n```\n\nThe money is back on your card [within a week]"
    "(https://help.example/returns). Is there anything else that I can do for you? " * 2
)

STEP = 12
"""Characters of a piece."""

WATCH = """() => {
  const scroller = document.querySelector(".umbral-chat .scroller");
  const top = scroller.getBoundingClientRect().top;
  const bubbles = [...document.querySelectorAll("li.row.sent .bubble")];
  const anchor = bubbles.find((one) => one.getBoundingClientRect().bottom > top + 4);
  const at = anchor.getBoundingClientRect().top;
  const seen = (window.__place = { moved: 0, away: 0 });
  const next = () => {
    seen.moved = Math.max(seen.moved, Math.abs(anchor.getBoundingClientRect().top - at));
    seen.away = Math.max(seen.away, scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop);
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""
"""Notes in each frame how far the first message in view has moved, and how far the end is away."""


async def growth(lab: Lab) -> Found:
    """One visitor is at the end of the conversation, the other reads further up, while two answers are written."""
    found = Found()
    async with lab.stage("growth") as stage:
        await history(stage.api, stage.conversation, 60)
        for name in ("ada", "ben"):
            await stage.open(name, await stage.context(viewport={"width": 900, "height": 640}))
        reader = stage.pages["ben"]
        await reader.evaluate("() => { document.querySelector('.umbral-chat .scroller').scrollTop -= 900; }")
        await asyncio.sleep(0.5)
        for page in stage.pages.values():
            await page.evaluate(WATCH)
        for number in range(1 if lab.short else 3):
            await _answer(stage, f"answer-{number}")
        places: dict[str, dict[str, Any]] = {
            name: await page.evaluate("() => __place") for name, page in stage.pages.items()
        }
        found.figures["the place of one who reads further up, while an answer grows"] = (
            f"moves {places['ben']['moved']:.1f} px at most"
        )
        if places["ben"]["moved"] > JUMP:
            found.violations.append(f"the place of one who reads further up moved by {places['ben']['moved']} px")
        if places["ada"]["away"] > 120:
            found.violations.append(f"one who reads along was {places['ada']['away']} px away from the end")
        for name in stage.pages:
            found.violations += shifted(name, await stage.shifts(name))
        found.violations += stage.opened["ada"].errors + stage.opened["ben"].errors
    return found


async def _answer(stage: Stage, message_id: str) -> None:
    """An answer is written piece by piece, and then stored."""
    for at in range(0, len(ANSWER), STEP):
        await stage.draft(message_id, at, ANSWER[at : at + STEP])
        await asyncio.sleep(0.03)  # as a model writes
    body = {"content": ANSWER, "message_id": message_id, "sender": {"role": "assistant", "name": "Nova"}}
    await stage.ask("POST", "messages", body)
    for name in stage.pages:
        await stage.shows_draft(name, None)


__all__ = ["growth"]
