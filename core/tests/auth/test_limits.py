from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.auth.limits import RateLimiter, Rates, TokenBuckets
from umbral_chat._core.auth.local import LOCAL
from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat.errors import TooManyRequests
from umbral_chat.providers.auth import Principal, PrincipalKind
from umbral_chat.settings import Limits

if TYPE_CHECKING:
    from core.tests.auth.conftest import FakeClock


def principal(kind: PrincipalKind, subject: str = "v") -> Principal:
    return Principal(kind=kind, subject=subject, rights=ALL_RIGHTS)


def admitted(limiter: RateLimiter, who: Principal, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            limiter.check(who)
        except TooManyRequests:
            continue
        count += 1
    return count


@given(
    rate=st.floats(0.01, 100),
    burst=st.integers(1, 5),
    start=st.floats(0, 1e6),
    visits=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 8)), max_size=12),
)
def test_never_more_than_the_burst_and_the_rate_times_the_time_in_any_span(
    rate: float, burst: int, start: float, visits: list[tuple[float, int]]
) -> None:
    now = start
    buckets = TokenBuckets(rate, burst, lambda: now)
    times: list[float] = []
    for pause, tries in visits:
        now += pause
        for _ in range(tries):
            try:
                buckets.check("v")
            except TooManyRequests as error:
                assert len(times) >= burst  # nobody is refused the burst
                now += int(error.headers["Retry-After"])
                buckets.check("v")  # who waits as told is let in
            times.append(now)
    for first, begin in enumerate(times):
        for count, end in enumerate(times[first:], start=1):
            # The limiter gives a microsecond's credit; the rest is what floats lose.
            assert count <= burst + rate * (end - begin + 1e-5) + 1e-6


@given(rate=st.floats(0.01, 1000), burst=st.integers(1, 50))
def test_the_whole_burst_is_given_and_comes_back(rate: float, burst: int) -> None:
    now = 5.0
    buckets = TokenBuckets(rate, burst, lambda: now)
    for _ in range(2):
        for _ in range(burst):
            buckets.check("v")
        with pytest.raises(TooManyRequests):
            buckets.check("v")
        now += burst / rate * 1.000001


def test_refused_tries_cost_nothing(clock: FakeClock) -> None:
    limiter = Rates(Limits(sends_per_second=1, sends_burst=2), clock).sends
    visitor = principal("token")
    assert admitted(limiter, visitor, 100) == 2
    clock.advance(1)
    assert admitted(limiter, visitor, 100) == 1


def test_the_answer_says_when_to_come_again(clock: FakeClock) -> None:
    limiter = Rates(Limits(sends_per_second=0.1, sends_burst=1), clock).sends
    visitor = principal("user")
    limiter.check(visitor)
    clock.advance(2.5)
    with pytest.raises(TooManyRequests) as caught:
        limiter.check(visitor)
    assert (caught.value.headers, caught.value.limit) == ({"Retry-After": str(math.ceil(7.5))}, 0.1)
    clock.advance(8)
    limiter.check(visitor)


def test_a_long_silence_saves_up_no_more_than_the_burst(clock: FakeClock) -> None:
    limiter = Rates(Limits(sends_per_second=10, sends_burst=3), clock).sends
    visitor = principal("token")
    assert admitted(limiter, visitor, 1) == 1
    clock.advance(3600)
    assert admitted(limiter, visitor, 100) == 3


def test_one_visitor_does_not_use_up_anothers(clock: FakeClock) -> None:
    limiter = Rates(Limits(sends_per_second=1, sends_burst=3), clock).sends
    assert admitted(limiter, principal("token", "a"), 9) == 3
    assert admitted(limiter, principal("token", "b"), 9) == 3


@pytest.mark.parametrize("who", [LOCAL, principal("key")])
def test_services_and_the_local_administrator_are_not_held(clock: FakeClock, who: Principal) -> None:
    assert admitted(Rates(Limits(sends_per_second=1, sends_burst=1), clock).sends, who, 50) == 50


def test_a_rate_of_zero_is_no_limit(clock: FakeClock) -> None:
    assert admitted(Rates(Limits(sends_per_second=0, sends_burst=1), clock).sends, principal("token"), 50) == 50


def test_strangers_cannot_fill_the_memory() -> None:
    buckets = TokenBuckets(1, 1, lambda: 5.0, capacity=10)
    for number in range(1000):
        buckets.check(str(number))
    assert len(buckets._full_at) == 10
