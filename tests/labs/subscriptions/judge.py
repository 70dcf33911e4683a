"""One run's verdict: each promise, held against what its subscriptions saw."""

from __future__ import annotations

from .ends_verdict import claimed, judge_ends, pushed
from .plan import KINDS, TRIES
from .pull_verdict import judge_pull
from .push_verdict import judge_push
from .run import BROKEN, PULL, STEADY, Run
from .verdict import Violation, judge_dead, judge_tame

UNSEEN = 2
"""Tries of an entry that the receiver may not have seen: it was gone."""


def judge(run: Run, *, whole: bool) -> list[Violation]:
    """What was broken; in a run that did not end, only what contradicts a promise already (what is missing may have
    been to come)."""
    observed, undeliverable = run.observed, run.undeliverable

    def before_its_end(conversation: str, order: int) -> bool:
        return conversation not in observed.ended or order < observed.ended_at

    violations = [Violation("surprise", what) for what in observed.surprises]
    violations += [Violation("followed", f"{what} was asked for") for what in observed.followed]
    for name in (STEADY, BROKEN):
        deliveries = [one for one in observed.deliveries if one.subscription == name]
        since = pushed(one for one in deliveries if one.order > observed.ended_at > 0)
        violations += judge_ends(name, since, observed.ended, observed.revived)
        deliveries = [one for one in deliveries if before_its_end(one.event.conversation, one.order)]
        violations += judge_push(
            name, observed.stored, deliveries, undeliverable=undeliverable[name], tries=TRIES, unseen=UNSEEN
        )
    since = claimed(claim for claim in observed.claims if claim.order > observed.ended_at > 0)
    violations += judge_ends(PULL, since, observed.ended, observed.revived)
    claims = [claim for claim in observed.claims if before_its_end(claim.conversation, claim.order)]
    violations += judge_pull(PULL, observed.stored, claims, undeliverable=undeliverable[PULL])
    if not whole:
        return [violation for violation in violations if violation.kind != "lost"]
    for name, expected in undeliverable.items():
        violations += judge_dead(name, expected, observed.dead.get(name, []))
        violations += [
            Violation("dead letter", f"{name}: entry {seq} of {conversation} was retried, and is still there")
            for conversation, seq in observed.left.get(name, [])
        ]
    met = {kind for kind in KINDS if kind != "gone"}
    violations += judge_tame(run.receiver.hits, sorted(met & {window.kind for window in run.drawn.windows}))
    return violations


__all__ = ["judge"]
