"""Delays before reconnecting: they grow, are spread, have a bound, and follow what the server asked for."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_realtime_supabase.live.disconnection import Disconnection, from_status
from umbral_chat_realtime_supabase.live.reconnect_delay import (
    INITIAL,
    MAX_MIN_DELAY,
    MAXIMUM,
    MIN_DELAY,
    ReconnectDelay,
)

CLOSED = Disconnection("closed", "x")


@given(st.integers(), st.integers(1, 100))
def test_they_stay_within_their_bounds(seed: int, tries: int) -> None:
    delay = ReconnectDelay(random.Random(seed))
    drawn = [delay.after(CLOSED) for _ in range(tries)]
    assert all(INITIAL <= seconds <= MAXIMUM for seconds in drawn)
    delay.reset()
    assert delay.after(CLOSED) <= INITIAL * 3


def test_many_that_were_cut_off_together_do_not_come_back_together() -> None:
    everybody = [ReconnectDelay(random.Random(seed)) for seed in range(50)]
    rounds = [sorted(delay.after(CLOSED) for delay in everybody) for _ in range(6)]
    drawn = rounds[-1]
    assert drawn[-1] - drawn[0] > 3
    assert max(sum(low <= seconds < low + 0.2 for seconds in drawn) for low in (x / 10 for x in range(95))) < 15


def test_they_grow_in_the_mean() -> None:
    firsts, tenths = [], []
    for seed in range(200):
        delay = ReconnectDelay(random.Random(seed))
        drawn = [delay.after(CLOSED) for _ in range(10)]
        firsts.append(drawn[0])
        tenths.append(drawn[-1])
    assert sum(tenths) > 5 * sum(firsts)


def test_too_much_is_not_answered_with_more() -> None:
    for kind, least in MIN_DELAY.items():
        delay = ReconnectDelay(random.Random(1))
        drawn = [delay.after(Disconnection(kind, "x")) for _ in range(8)]
        assert drawn[0] >= least
        assert drawn[1] >= 2 * least
        assert MAX_MIN_DELAY <= drawn[-1] <= 1.5 * MAX_MIN_DELAY
        assert delay.after(CLOSED) <= MAXIMUM


def test_what_a_refused_handshake_asks_for() -> None:
    kinds = {status: from_status(status, "").kind for status in (401, 403, 404, 429, 500, 503)}
    assert kinds == {
        401: "refused",
        403: "refused",
        404: "refused",
        429: "limited",
        500: "unreachable",
        503: "unreachable",
    }
    assert from_status(401, "Token has expired 5 seconds ago").kind == "expired"
