"""How long it takes from a visitor's message to the reply in the log, by the trigger; the figures are printed."""

import os
import time
from datetime import datetime
from statistics import median

from n8n.e2e.harness.fresh import Fresh
from n8n.e2e.harness.process import say

SAMPLES = 20
PROMISED = 0.5
"""Seconds, on a machine that does nothing else."""
BUSY = 2.0
"""Seconds, where other programs want the processors, too."""


def test_a_message_is_answered_within_half_a_second(fresh: Fresh) -> None:
    fresh.subscribed()
    fresh.service.push("echo.warm", "hello", role="user")
    assert fresh.service.until("echo.warm", 2) == [("user", "hello"), ("assistant", "You said: hello")]
    idle = os.getloadavg()[0] < (os.cpu_count() or 1) / 2
    before = len(fresh.n8n.began(fresh.echo))
    taken, stored = [], []
    for number in range(SAMPLES):
        began = time.monotonic()
        fresh.service.push(f"echo.{number}", "hello", role="user")
        fresh.service.until(f"echo.{number}", 2)
        taken.append(time.monotonic() - began)
        question, reply = (datetime.fromisoformat(entry["at"]) for entry in fresh.service.log(f"echo.{number}"))
        stored.append((question, reply))
    runs = fresh.n8n.began(fresh.echo)[before:]
    assert len(runs) == SAMPLES, "one execution for each message"
    started = median((run - question).total_seconds() for run, (question, _) in zip(runs, stored, strict=True))
    worked = median((reply - run).total_seconds() for run, (_, reply) in zip(runs, stored, strict=True))
    say(
        f"message → trigger → reply in the log: {median(taken):.3f} s (median of {SAMPLES}), max {max(taken):.3f} s,"
        f" of it until the execution began {started:.3f} s, from there to the reply {worked:.3f} s;"
        f" load {os.getloadavg()[0]:.1f}"
    )
    assert median(taken) < (PROMISED if idle else BUSY)
