"""Who looks on by HTTP: long polls on each instance, and reads of the list on each."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import quote

from tests.wire.http1 import Answer, Lost

from .run import Run
from .sights import Sight, Sights, is_of_the_lab, people_of, typing_of

WAIT = 20
"""Seconds for which a long poll waits."""


async def poll_for_ever(run: Run, sights: Sights) -> None:
    """Follow by long polls until cancelled, as a client does: with the cursor and the versions of before."""
    assert sights.instance is not None
    connection = run.connection(sights.instance)
    cursor, signals, last = "0", "0", Sight(0.0, 0.0, {}, frozenset())
    try:
        while True:
            path = f"/v1/conversations/{quote(sights.conversation)}/events?after={cursor}&wait={WAIT}&signals={signals}"
            path += f"&presence={quote(last.version)}" if last.version else ""
            asked = time.monotonic()
            try:
                answer = await connection.ask("GET", path, patience=WAIT + 40.0)
                if answer.status == 304:
                    continue
                if answer.status != 200:
                    _refused(run, sights, answer)
                    await asyncio.sleep(0.2)
                    continue
            except Lost:
                await asyncio.sleep(0.2)
                continue
            body = answer.json()
            cursor, signals = body["cursor"], body["signals"]
            last = _sight(asked, body["presence"], body["typing"], last)
            sights.seen.append(last)
    finally:
        connection.close()


async def read(run: Run, sights: Sights) -> Sight | None:
    """Ask for the list once; None when no answer came."""
    assert sights.instance is not None
    connection = run.connection(sights.instance)
    asked = time.monotonic()
    try:
        answer = await connection.ask("GET", f"/v1/conversations/{quote(sights.conversation)}/presence", patience=10.0)
    except Lost:
        return None
    finally:
        connection.close()
    if answer.status != 200:
        _refused(run, sights, answer)
        return None
    body = answer.json()
    sight = _sight(asked, body, body["typing"], None)
    sights.seen.append(sight)
    return sight


def _sight(asked: float, presence: dict[str, Any] | None, typing: list[dict[str, Any]], before: Sight | None) -> Sight:
    now = time.monotonic()
    if presence is None:
        assert before is not None, "a version was never told"
        return before._replace(asked=asked, at=now, typing=typing_of(typing))
    others = [each["role"] for each in presence["people"] if not is_of_the_lab(each)]
    counts = {role: count - others.count(role) for role, count in presence["counts"].items()}
    return Sight(asked, now, people_of(presence["people"]), typing_of(typing), presence["version"], counts)


def _refused(run: Run, sights: Sights, answer: Answer) -> None:
    if answer.status != 503:
        run.surprise(f"{sights.observer} in {sights.conversation}: {answer.status} {answer.body[:300]!r}")


__all__ = ["poll_for_ever", "read"]
