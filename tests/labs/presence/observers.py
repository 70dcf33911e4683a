"""Who looks on by HTTP: long polls on each instance, and reads of the list on each."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import quote

from tests.labs.kit.http1 import Answer, NoAnswer

from .observations import Observation, ObserverLog, is_of_the_lab, people_of, typing_of
from .run import Run

WAIT = 20
"""Seconds for which a long poll waits."""


async def poll_for_ever(run: Run, log: ObserverLog) -> None:
    """Follow by long polls until cancelled, as a client does: with the cursor and the versions of before."""
    assert log.instance is not None
    connection = run.connection(log.instance)
    cursor, signals, last = "0", "0", Observation(0.0, 0.0, {}, frozenset())
    try:
        while True:
            path = f"/v1/conversations/{quote(log.conversation)}/events?after={cursor}&wait={WAIT}&signals={signals}"
            path += f"&presence={quote(last.version)}" if last.version else ""
            asked = time.monotonic()
            try:
                answer = await connection.ask("GET", path, timeout=WAIT + 40.0)
                if answer.status == 304:
                    continue
                if answer.status != 200:
                    _refused(run, log, answer)
                    await asyncio.sleep(0.2)
                    continue
            except NoAnswer:
                await asyncio.sleep(0.2)
                continue
            body = answer.json()
            cursor, signals = body["cursor"], body["signals"]
            last = _view(asked, body["presence"], body["typing"], last)
            log.seen.append(last)
    finally:
        connection.close()


async def read(run: Run, log: ObserverLog) -> Observation | None:
    """Ask for the list once; None when no answer came."""
    assert log.instance is not None
    connection = run.connection(log.instance)
    asked = time.monotonic()
    try:
        answer = await connection.ask("GET", f"/v1/conversations/{quote(log.conversation)}/presence", timeout=10.0)
    except NoAnswer:
        return None
    finally:
        connection.close()
    if answer.status != 200:
        _refused(run, log, answer)
        return None
    body = answer.json()
    view = _view(asked, body, body["typing"], None)
    log.seen.append(view)
    return view


def _view(
    asked: float, presence: dict[str, Any] | None, typing: list[dict[str, Any]], before: Observation | None
) -> Observation:
    now = time.monotonic()
    if presence is None:
        assert before is not None, "a version was never told"
        return before._replace(asked=asked, at=now, typing=typing_of(typing))
    others = [each["role"] for each in presence["people"] if not is_of_the_lab(each)]
    counts = {role: count - others.count(role) for role, count in presence["counts"].items()}
    return Observation(asked, now, people_of(presence["people"]), typing_of(typing), presence["version"], counts)


def _refused(run: Run, log: ObserverLog, answer: Answer) -> None:
    if answer.status != 503:
        run.surprise(f"{log.observer} in {log.conversation}: {answer.status} {answer.body[:300]!r}")


__all__ = ["poll_for_ever", "read"]
