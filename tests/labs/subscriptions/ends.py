"""Conversations are deleted, and some of them made again, while the receiver fails."""

from __future__ import annotations

import asyncio
import time

from .ends_verdict import ENDS
from .observations import Stored
from .run import BROKEN, PULL, STEADY, Run

WITHIN = 60.0
"""Seconds in which what follows from a deletion must have been delivered."""

FAILS = 1.5
"""Seconds for which the receiver answers with errors meanwhile."""


async def end_some(run: Run) -> None:
    """Delete some conversations whose entries are all delivered, and wait until that is delivered, too."""
    observed = run.observed
    epochs = {one.conversation: one.epoch for one in observed.stored}
    # The first of them has a dead letter, which must go with it.
    dead = [conversation for conversation, _ in observed.dead[BROKEN][:1]]
    names = (dead + [name for name in run.plan.names if name not in dead])[: run.plan.deleted]
    observed.ended_at = observed.next_order()
    observed.ended = {name: epochs[name] for name in names}
    failing = asyncio.create_task(run.receiver.fail("error", FAILS))
    for number, name in enumerate(names):
        await run.call("DELETE", f"/v1/conversations/{name}", expect=204)
        if number % 2:
            await run.call("POST", "/v1/conversations", {"id": name}, expect=201)
            content = f"again{number} after its end"
            body = {"content": content, "sender": {"role": "user", "id": "lab"}}
            sent = await run.call("POST", f"/v1/conversations/{name}/messages", body, expect=201)
            epoch, seq = sent["cursor"].partition(".")[0], sent["entry"]["seq"]
            observed.revived.append(Stored(f"again{number}", name, epoch, seq, content))
    await failing
    deadline = time.monotonic() + WITHIN
    while _missing(run) and time.monotonic() < deadline:  # noqa: ASYNC110 - receiver and workers see it
        await asyncio.sleep(0.5)


def _missing(run: Run) -> bool:
    """Whether something of it is still to be delivered."""
    wanted = {(name, "") for name in run.observed.ended} | {(one.conversation, one.key) for one in run.observed.revived}
    seen: dict[str, set[tuple[str, str]]] = {STEADY: set(), BROKEN: set(), PULL: set()}
    found = [(one.subscription, one.event) for one in run.observed.deliveries if one.answered is not None]
    found += [(PULL, event) for claim in run.observed.claims if claim.finish == "ack" for event in claim.events]
    for name, event in found:
        seen[name].add((event.conversation, "" if event.type in ENDS else event.key))
    return any(wanted - each for each in seen.values())


__all__ = ["end_some"]
