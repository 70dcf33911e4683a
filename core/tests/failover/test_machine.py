"""The state machine of the failover: which transport is used, and what is done with the others."""

from __future__ import annotations

import random
from bisect import bisect_right
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given, settings
from umbral_chat._core.delivery.failover.machine import (
    DEGRADED_TIMEOUT,
    HOUR,
    LONGEST_HOLD,
    STABLE,
    Choice,
    Command,
    Machine,
)
from umbral_chat.providers.transport import StateName
from umbral_chat.settings import Retry

RETRY = Retry(initial=0.5, max=60.0, multiplier=2.0, jitter=0.5, budget=120)


def machine(*transports: tuple[str, int], retry: Retry = RETRY) -> Machine:
    return Machine(
        transports or (("pushing", 10), ("polling", 0)),
        retry=retry,
        connect_timeout=10.0,
        rng=random.Random(1),
    )


def live(made: Machine, name: str = "pushing", run: int = 1, now: float = 0.0) -> None:
    assert made.reported(name, run, "live", "joined", now) == []


def test_polling_is_used_until_something_better_is_live_and_again_when_it_is_not() -> None:
    made = machine()
    assert made.start(enabled=True, now=0) == [Command("start", "pushing", 1), Command("start", "polling", 1)]
    assert made.choice == Choice("polling", "polling", "pushing: starting")
    live(made)
    assert (made.choice.mode, made.choice.transport) == ("live", "pushing")
    made.reported("pushing", 1, "degraded", "no heartbeat", 5)
    assert made.choice == Choice("polling", "polling", "pushing: no heartbeat")


def test_the_highest_rank_that_is_live_is_used() -> None:
    made = machine(("slow", 5), ("fast", 10), ("polling", 0))
    made.start(enabled=True, now=0)
    live(made, "slow")
    assert made.choice.transport == "slow"
    live(made, "fast")
    assert made.choice.transport == "fast"


def test_without_any_transport_an_instance_is_alone_and_says_so() -> None:
    made = Machine((), retry=RETRY, connect_timeout=10)
    assert made.start(enabled=True, now=0) == []
    assert (made.choice.mode, made.choice.transport) == ("local", None)


def test_what_does_not_become_live_in_time_is_taken_down_and_tried_again() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    assert made.tick(9.9) == []
    assert made.tick(10) == [Command("stop", "pushing", 1)]
    waiting = made.waiting("pushing")
    assert waiting is not None
    assert "not live within 10 s" in waiting.reason
    assert 10 < waiting.until <= 10.5
    assert made.tick(waiting.until) == [Command("start", "pushing", 2)]


def test_going_to_and_fro_short_of_live_does_not_put_off_the_end_of_patience() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    live(made, now=1)
    states: list[StateName] = ["degraded", "connecting", "off"]
    commands = []
    for second in range(2, 14):
        made.reported("pushing", 1, states[second % 3], "who knows", second)
        commands += made.tick(second)
    assert commands == [Command("stop", "pushing", 1)]


def test_the_pause_grows_and_stays_bounded_and_begins_anew_after_it_was_well() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    now, pauses = 0.0, []
    for run in range(1, 12):
        made.reported("pushing", run, "down", "refused", now)
        waiting = made.waiting("pushing")
        assert waiting is not None
        pauses.append(waiting.until - now)
        now = waiting.until
        assert made.tick(now) == [Command("start", "pushing", run + 1)]
    for before, pause in zip([0.0, *pauses], pauses, strict=False):
        assert 0.5 * max(0.5, min(60, 2 * before)) <= pause <= max(0.5, min(60, 2 * before))
    assert pauses[-1] > 4
    for lived, begins_anew in ((STABLE - 1, False), (STABLE, True)):
        run = made._by_name["pushing"].run
        live(made, run=run, now=now)
        now += lived
        made.reported("pushing", run, "down", "again", now)
        waiting = made.waiting("pushing")
        assert waiting is not None
        assert (waiting.until - now <= 0.5) == begins_anew
        now = waiting.until
        made.tick(now)


@given(
    st.integers(),
    st.integers(1, 200),
    st.lists(st.one_of(st.just(None), st.floats(0, 120)), min_size=1, max_size=5),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_in_no_hour_are_there_more_tries_than_the_budget_has(
    seed: int, budget: int, lives: list[float | None], unlucky: bool
) -> None:
    """`lives`: how long each try lives, over and over; None: it is refused."""
    rng = random.Random(seed)
    if unlucky:
        rng.random = lambda: 0.999999  # type: ignore[method-assign]  # every pause is the shortest that may be
    made = Machine([("pushing", 10)], retry=Retry(budget=budget), connect_timeout=10, rng=rng)
    made.start(enabled=True, now=0)
    now, run, attempts = 0.0, 1, [0.0]
    while now < 3 * HOUR:
        if (lived := lives[run % len(lives)]) is not None:
            live(made, run=run, now=now)
            now += lived
        made.reported("pushing", run, "down", "x", now)
        waiting = made.waiting("pushing")
        assert waiting is not None
        now, run = waiting.until, run + 1
        assert made.tick(now) == [Command("start", "pushing", run)]
        attempts.append(now)
        assert len(attempts) - bisect_right(attempts, now - HOUR + 1e-6) <= budget
    # And it is never left alone for longer than an hour.
    assert max(later - earlier for earlier, later in pairwise(attempts)) <= HOUR + max(lives_of(lives), default=0)


def lives_of(lives: list[float | None]) -> list[float]:
    return [lived for lived in lives if lived is not None]


def test_what_is_refused_for_an_hour_is_within_the_budget_and_the_first_success_is_live_at_once() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    now, run, attempts = 0.0, 1, 1
    while now < HOUR:
        made.reported("pushing", run, "down", "refused", now + 0.1)
        waiting = made.waiting("pushing")
        assert waiting is not None
        now, run, attempts = waiting.until, run + 1, attempts + 1
        made.tick(now)
    assert 40 < attempts <= RETRY.budget
    live(made, run=run, now=now + 0.1)
    assert made.choice.mode == "live"


def test_what_comes_and_goes_is_used_again_only_when_it_stays() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    now, changes = 0.0, 0
    modes: list[str] = ["polling"]
    states: list[StateName] = ["live", "degraded"]
    for _ in range(240):  # two minutes of half a second well and half a second not
        for state in states:
            made.reported("pushing", 1, state, "x", now)
            for _ in range(2):
                made.tick(now)
                changes += modes[-1] != made.choice.mode
                modes.append(made.choice.mode)
                now += 0.25
    assert changes <= 4, "readers are told of each"
    made.reported("pushing", 1, "live", "x", now)
    made.tick(now)
    assert "comes and goes" in made.choice.reason
    made.tick(now + LONGEST_HOLD)
    assert made.choice.mode == "live"
    made.reported("pushing", 1, "degraded", "x", now + LONGEST_HOLD + STABLE)
    live(made, now=now + 2 * LONGEST_HOLD + STABLE)
    assert made.choice.mode == "live", "it was well for long, and one slip is no flapping"


def test_the_operators_switch_is_not_held_back() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    for now in range(20):
        made.reported("pushing", 1, "live" if now % 2 else "degraded", "x", now)
    assert made.choice.transport == "polling"
    made.toggled(enabled=False, now=20)
    made.toggled(enabled=True, now=20)
    live(made, run=2, now=20)
    assert made.choice.transport == "pushing"


def test_many_that_fell_together_do_not_come_back_together() -> None:
    """A hundred instances lose Realtime in the same moment, and again at each try."""
    tries: list[float] = []
    for seed in range(100):
        made = Machine([("pushing", 10)], retry=RETRY, connect_timeout=10, rng=random.Random(seed))
        made.start(enabled=True, now=0)
        now = 0.0
        for run in range(1, 8):
            made.reported("pushing", run, "down", "x", now)
            waiting = made.waiting("pushing")
            assert waiting is not None
            now = waiting.until
            made.tick(now)
            tries.append(now)
    assert max(sum(start <= at < start + 0.1 for at in tries) for start in (x / 10 for x in range(20, 300))) <= 15


def test_a_quota_that_is_used_up_is_no_outage() -> None:
    """Degraded with a reason: it slows down by itself, and is taken down only when it does not come back at all."""
    made = machine()
    made.start(enabled=True, now=0)
    live(made)
    made.reported("pushing", 1, "degraded", "Too many messages per second", 40)
    assert made.tick(40 + DEGRADED_TIMEOUT - 1) == []
    assert made.choice.mode == "polling"
    assert made.tick(40 + DEGRADED_TIMEOUT) == [Command("stop", "pushing", 1)]


def test_switching_off_stops_at_once_and_on_starts_at_once_whatever_the_budget() -> None:
    made = machine(retry=Retry(budget=3))
    made.start(enabled=True, now=0)
    for _ in range(200):
        run = made._by_name["pushing"].run
        assert made.toggled(enabled=False, now=1) == [Command("stop", "pushing", run)]
        assert made.choice.reason == "pushing: switched off"
        assert made.toggled(enabled=False, now=1) == []
        assert made.toggled(enabled=True, now=1) == [Command("start", "pushing", run + 1)]
    made.reported("pushing", 201, "down", "refused", 1)
    waiting = made.waiting("pushing")
    assert waiting is not None
    assert waiting.until <= 1.5, "the operator's switching used up the hour's tries"


def test_what_is_switched_off_is_not_tried_again() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    made.reported("pushing", 1, "down", "refused", 0)
    assert made.toggled(enabled=False, now=0) == []
    assert made.tick(1000) == []


def test_a_state_of_an_earlier_run_does_not_count_for_this_one() -> None:
    made = machine()
    made.start(enabled=True, now=0)
    made.toggled(enabled=False, now=1)
    made.toggled(enabled=True, now=1)
    assert made.reported("pushing", 1, "live", "late", 2) == []
    assert made.choice.transport == "polling"
    assert made.failed("pushing", 1, "late", 2) == []
    live(made, run=2, now=3)
    assert made.choice.transport == "pushing"


def test_polling_mends_itself_unless_it_broke() -> None:
    made = machine(("polling", 0))
    made.start(enabled=False, now=0)
    assert made.reported("polling", 1, "down", "the store is gone", 1) == []
    assert made.tick(100) == []
    assert made.failed("polling", 1, "its events ended", 101) == [Command("stop", "polling", 1)]
    waiting = made.waiting("polling")
    assert waiting is not None
    assert made.tick(waiting.until) == [Command("start", "polling", 2)]


events = st.one_of(
    st.tuples(st.just("report"), st.sampled_from(["a", "b", "polling"]), st.integers(0, 2)).flatmap(
        lambda some: st.tuples(*map(st.just, some), st.sampled_from(["off", "connecting", "live", "degraded", "down"]))
    ),
    st.tuples(st.just("broke"), st.sampled_from(["a", "b", "polling"]), st.integers(0, 1), st.just("")),
    st.tuples(st.just("toggle"), st.just(""), st.integers(0, 1), st.just("")),
    st.tuples(st.just("pass"), st.just(""), st.integers(0, 100), st.just("")),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(events, max_size=60), st.booleans())
def test_whatever_happens_what_is_used_is_live_and_what_failed_is_tried_again(
    happened: list[tuple[str, str, int, StateName]], enabled: bool
) -> None:
    made = machine(("a", 10), ("b", 5), ("polling", 0), retry=Retry(budget=4, max=30))
    now = 0.0
    running: dict[str, int] = {}
    said: dict[str, StateName] = {}

    def carry_out(commands: list[Command]) -> None:
        for command in commands:
            if command.do == "start":
                assert command.transport not in running
                assert command.run > 0
                running[command.transport] = command.run
                said[command.transport] = "connecting"
            else:
                assert running.pop(command.transport) == command.run

    carry_out(made.start(enabled=enabled, now=now))
    for what, name, number, state in happened:
        if what == "toggle":
            enabled = bool(number)
            carry_out(made.toggled(enabled=enabled, now=now))
        elif what == "pass":
            now += number / 4
            carry_out(made.tick(now))
        else:
            run = max(1, running.get(name, 1) - number)  # of this run, or of an earlier one
            if running.get(name) == run and what == "report":
                said[name] = state
            carry_out(
                made.failed(name, run, "it broke", now)
                if what == "broke"
                else made.reported(name, run, state, "so it says", now)
            )
        best = [name for name in ("a", "b") if name in running and said[name] == "live"]
        assert made.choice.transport in {*best, "polling"}
        assert made.choice.transport in best or not any(made._by_name[name].trusted for name in best), "it is not used"
        for known in ("a", "b", "polling"):
            waiting = made.waiting(known)
            wanted = enabled or known == "polling"
            assert (known in running or waiting is not None) == wanted, "it is neither run nor tried again"
            assert waiting is None or waiting.until <= now + HOUR
    carry_out(made.tick(now + HOUR))
    assert "polling" in running
    assert all(made._by_name[name].trusted for name in best_now(made, said, running)), "it stays, and is not used"


def best_now(made: Machine, said: dict[str, StateName], running: dict[str, int]) -> list[str]:
    return [name for name in ("a", "b") if running.get(name) and said[name] == "live"]
