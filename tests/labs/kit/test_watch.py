"""What is made of statuses: changes, even those that were over between two looks, and the time that each was live."""

from __future__ import annotations

from typing import Any

import pytest

from .watch import Watch


def status(mode: str, since: str = "t0") -> dict[str, Any]:
    polling = {"name": "polling", "rank": 0, "state": {"state": "live", "since": "always", "reason": "r"}}
    above = {"name": "supabase", "rank": 100, "state": {"state": "live", "since": since, "reason": "why"}}
    return {"mode": mode, "reason": "none", "transports": [above, polling]}


@pytest.fixture
def watch() -> Watch:
    watch = Watch([[], []])
    for at, instance, mode, since in [
        (1.0, 0, "polling", "t0"),
        (2.0, 0, "live", "t1"),
        (2.5, 0, "live", "t1"),
        (4.0, 1, "live", "t2"),
    ]:
        watch.take(instance, status(mode, since), at)
    return watch


def test_only_changes_are_kept(watch: Watch) -> None:
    assert [[seen.at for seen in each] for each in watch.seen] == [[1.0, 2.0], [4.0]]


def test_all_are_live_since_the_last_became_so_until_one_is_not(watch: Watch) -> None:
    assert Watch([[], []]).live_since() is None
    assert watch.live_since() == 4.0
    watch.take(0, status("polling", "t3"), 5.0)
    assert watch.live_since() is None
    watch.take(0, status("live", "t4"), 6.0)
    assert watch.live_since() == 6.0


def test_a_change_between_two_looks_shows_by_its_time(watch: Watch) -> None:
    assert watch.noticed(4.0) == [None, None]
    watch.take(1, status("live", "t5"), 7.0)
    assert watch.noticed(4.0) == [None, 7.0]
    assert watch.live_since() == 7.0


def test_without_a_transport_above_polling_the_reason_is_the_services_own() -> None:
    watch = Watch([[]])
    watch.take(0, {"mode": "polling", "reason": "no other transport", "transports": []}, 1.0)
    assert watch.seen[0][0].reason == "no other transport"
    assert watch.live_since() is None


def test_the_share_of_the_time_that_each_was_live(watch: Watch) -> None:
    watch.take(0, status("polling", "t3"), 5.0)
    assert watch.live_share(0.0, 10.0) == [pytest.approx(0.3), pytest.approx(0.6)]
    assert watch.live_share(3.0, 5.0) == [pytest.approx(1.0), pytest.approx(0.5)]
    assert watch.live_share(5.0, 5.0) == [0.0, 0.0]
