"""The verdict on ends of logs: every broken promise is found, and what was promised is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .ends_verdict import claimed, judge_ends, pushed
from .observations import Claim, Delivery, Event, Stored

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
ENDED = {"gone": OLD, "again": OLD}
REVIVED = [Stored("m9", "again", NEW, 1, "m9 text")]


def end(conversation: str, kind: str = "deleted", name: str = "end") -> Event:
    return Event(f"{name}-{conversation}", kind, conversation, "0", "", "", 0)


def entry(epoch: str = NEW, conversation: str = "again") -> Event:
    return Event(f"id-{epoch}", "entry", conversation, f"{epoch}.1", "m9", "m9 text", 1)


TAKEN = [(end("gone"), True), (end("again", "restarted"), True), (entry(), True)]


def kinds(events: Sequence[tuple[Event, bool]]) -> set[str]:
    return {violation.kind for violation in judge_ends("push", events, ENDED, REVIVED)}


def test_each_end_and_then_what_follows_is_what_was_promised() -> None:
    assert kinds(TAKEN) == set()
    assert kinds([(end("gone"), False), *TAKEN, *TAKEN]) == set()
    assert kinds([*TAKEN, (entry(conversation="another"), True)]) == set()


@pytest.mark.parametrize(
    ("events", "found"),
    [
        (TAKEN[1:], "lost"),
        ([(end("gone"), False), *TAKEN[1:]], "lost"),
        (TAKEN[:2], "lost"),
        ([*TAKEN[:2], (entry(), False)], "lost"),
        ([TAKEN[2], *TAKEN], "reordered"),
        ([*TAKEN, (entry(OLD), True)], "end"),
        ([*TAKEN, (end("another"), True)], "end"),
        ([*TAKEN, (end("gone", name="other"), True)], "identity"),
    ],
)
def test_what_was_broken_is_found(events: Sequence[tuple[Event, bool]], found: str) -> None:
    assert found in kinds(events)


def test_events_come_from_deliveries_and_from_claims_alike() -> None:
    event = entry()
    assert pushed([Delivery(1, 0.0, "push", event, event.id, signed=True, answered=2)]) == [(event, True)]
    assert pushed([Delivery(1, 0.0, "push", event, event.id, signed=True)]) == [(event, False)]
    claim = Claim(1, 0.0, "claim-1", "again", [event], 10.0, 10.0)
    assert claimed([claim]) == [(event, False)]
    claim.finish, claim.status = "ack", 200
    assert claimed([claim]) == [(event, True)]
    claim.finish = "release"
    assert claimed([claim]) == [(event, False)]
