"""The verdict on claims: every broken promise is found, and what was promised is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .observations import Claim
from .pull_verdict import judge_pull
from .test_push_verdict import STORED, event

NEVER = {("room", 2)}


def claim(order: int, *seqs: int, until: float = 100.0, at: float = 0.0, **other: object) -> Claim:
    found = Claim(order, at, f"claim-{order}", "room", [event(seq) for seq in seqs], until, until)
    for name, value in other.items():
        setattr(found, name, value)
    return found


def acked(order: int, *seqs: int, status: int | None = 200, sent: int | None = None, **other: object) -> Claim:
    finish = {"finish": "ack", "finish_order": sent or order + 1, "finish_sent_at": 1.0, "status": status}
    return claim(order, *seqs, **({"finish_answered_at": None if status is None else 2.0} | finish | other))  # type: ignore[arg-type]  # fields of a claim


def released(order: int, *seqs: int) -> Claim:
    return acked(order, *seqs, finish="release")


def kinds(claims: Sequence[Claim], **given: object) -> set[str]:
    return {violation.kind for violation in judge_pull("pull", STORED, claims, **given)}  # type: ignore[arg-type]  # whatever a test gives


@pytest.mark.parametrize(
    "claims",
    [
        [acked(1, 1, 2, 3)],
        [acked(1, 1), acked(3, 2, 3)],
        [released(1, 1, 2), acked(3, 1), acked(5, 2, 3)],
        [claim(1, 1, 2, until=10.0), acked(3, 1, 2, 3, at=10.0)],
        [acked(1, 1, 2, status=None), acked(3, 1, 2, 3)],
        [acked(1, 1, 2, status=None), acked(3, 3)],
        [
            acked(1, 1, 2, until=10.0, sent=9, finish_sent_at=12.0, finish_answered_at=12.1, status=409),
            acked(3, 1, 2, 3, at=10.5),
        ],
        [acked(1, 1, 2, status=409, unsure=True), acked(3, 3)],
    ],
)
def test_what_was_promised_is_no_violation(claims: Sequence[Claim]) -> None:
    assert kinds(claims) == set()


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ([acked(1, 1, 2)], "lost"),
        ([acked(1, 1, 2), claim(3, 3)], "lost"),
        ([acked(1, 1, 2), released(3, 3)], "lost"),
        ([acked(1, 1, 2), acked(3, 3, status=409, finish_answered_at=99.5)], "lost"),
        ([acked(1, 1, 3), acked(3, 2)], "reordered"),
        ([acked(1, 1, 2), acked(3, 2, 3)], "repeated"),
        ([claim(1, 1, 2), acked(3, 1, 2, 3)], "shared"),
        ([acked(1, 1, sent=9), acked(3, 1, 2, 3)], "shared"),
        ([acked(1, 1, sent=9), acked(3, 1, 2, 3)], "fencing"),
        ([acked(1, 1, 2, 3, until=10.0, finish_sent_at=12.0)], "fencing"),
        ([acked(1, 1, status=409), acked(3, 1, 2, 3)], "fencing"),
        ([acked(1, 1, 2, 3, 4)], "altered"),
        ([acked(1, 1, 2, 3, conversation="other")], "altered"),
    ],
)
def test_what_was_broken_is_found(claims: Sequence[Claim], found: str) -> None:
    assert found in kinds(claims)


def test_an_undeliverable_entry_is_passed_over_in_the_end() -> None:
    expired = [claim(order, 2, until=10.0 * order, at=10.0 * (order - 1)) for order in (3, 4, 5)]
    assert kinds([acked(1, 1, until=10.0), *expired, acked(6, 3, at=50.0)], undeliverable=NEVER) == set()
    assert "lost" in kinds([acked(1, 1, until=10.0), *expired, acked(6, 3, at=50.0)])
