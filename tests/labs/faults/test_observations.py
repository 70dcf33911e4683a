"""Lateness with and without an excuse, and each promise about time broken on purpose."""

from __future__ import annotations

from tests.labs.kit.facts import Facts, Item, Reading, Shown
from tests.labs.kit.standstill import Standstill

from .observations import Observation, observations, stale, unfilled, unfollowed
from .outages import Span
from .snapshots import Copy, SnapshotReading


def item(key: str, seq: int) -> Item:
    return Item(seq, "message", key, f"m{seq}", "t", "user//", "text")


def reading(instance: int, *shown: tuple[str, float]) -> Reading:
    items = [item(key, seq) for seq, (key, _) in enumerate(shown, start=1)]
    return Reading("r0", "c", items, instance, [Shown(at, "live") for _, at in shown])


def test_a_sight_is_the_first_one_and_what_is_excused_does_not_count() -> None:
    facts = Facts(readings=[reading(0, ("a", 18.0), ("b", 9.0), ("a", 30.0), ("unanswered", 9.0))])
    excused = [[Span(11.0, 15.0)], []]
    found = list(observations(facts, [], {"a": 10.0, "b": 10.0}, excused))
    assert [(one.key, one.seen, one.staleness) for one in found] == [("a", 18.0, 3.0), ("b", 10.0, 0.0)]


def test_the_time_in_which_the_machine_stood_still_is_taken_off_and_ends_no_stretch() -> None:
    facts = Facts(readings=[reading(0, ("a", 18.0))])
    stood = [Standstill(9.0, 10.5), Standstill(12.0, 12.5), Standstill(17.0, 20.0)]
    (one,) = observations(facts, [], {"a": 10.0}, [[], []], stood)
    assert one.staleness == 6.0
    live = 11.0
    late = observed(10.0, 14.0)
    assert list(unfilled([late], [[live], []], [], [[], []], slack=0.2, bound=1.0, standstills=stood)) != []
    stood.append(Standstill(12.5, 14.0))
    assert list(unfilled([late], [[live], []], [], [[], []], slack=0.2, bound=1.0, standstills=stood)) == []


def test_the_excuses_of_one_instance_are_not_the_others() -> None:
    facts = Facts(readings=[reading(1, ("a", 18.0))])
    (one,) = observations(facts, [], {"a": 10.0}, [[Span(0.0, 99.0)], []])
    assert one.staleness == 8.0


def test_a_snapshot_shows_all_that_it_is_past() -> None:
    log = [item("a", 1), item("b", 2)]
    given = SnapshotReading("r0", "c", 0, [Copy(11.0, "live", ()), Copy(12.0, "live", tuple(log))])
    found = list(observations(Facts(logs={"c": log}), [given], {"a": 10.0, "b": 11.5}, [[], []]))
    assert [(one.key, one.staleness) for one in found] == [("a", 2.0), ("b", 0.5)]


def observed(acknowledged: float, seen: float, *, instance: int = 0, staleness: float | None = None) -> Observation:
    row = seen - acknowledged if staleness is None else staleness
    return Observation("r0", "c", instance, "a", acknowledged, seen, "live", row)


def test_what_came_too_late_is_named_and_what_is_excused_is_not() -> None:
    assert list(stale([observed(10.0, 15.0), observed(10.0, 40.0, staleness=4.9)], 5.0)) == []
    (violation,) = stale([observed(10.0, 15.1)], 5.0)
    assert violation.kind == "late"
    assert "5.10 s" in violation.what


def test_an_entry_of_before_a_link_was_live_that_is_shown_long_after_was_not_filled() -> None:
    late = observed(10.0, 14.0)
    free: list[list[Span]] = [[], []]
    (violation,) = unfilled([late], [[11.0], []], [], free, slack=0.2, bound=1.0)
    assert "before the gap was filled" in violation.what
    assert list(unfilled([late], [[], [11.0]], [], free, slack=0.2, bound=1.0)) == [], "another instance's"
    assert list(unfilled([late], [[10.1], []], [], free, slack=0.2, bound=1.0)) == [], "which was first is not sure"
    assert list(unfilled([late], [[13.5], []], [], free, slack=0.2, bound=1.0)) == [], "soon after"
    assert list(unfilled([late], [[11.0], []], [Span(9.0, 10.0)], free, slack=0.2, bound=1.0)) == [], "may be lost"
    assert len(list(unfilled([late], [[11.0], []], [Span(11.5, 12.0)], free, slack=0.2, bound=1.0))) == 1
    out = [[Span(11.5, 13.5)], []]
    assert list(unfilled([late], [[11.0], []], [], out, slack=0.2, bound=1.0)) == []


def test_an_instance_that_does_not_follow_the_toggle_is_named() -> None:
    switched = [(10.0, "off"), (20.0, "on")]
    modes = [[(0.0, "live"), (11.9, "off"), (21.0, "polling")], [(0.0, "live"), (12.5, "off"), (20.5, "polling")]]
    (violation,) = unfollowed(switched, modes, [[], []], within=2.0)
    assert violation.kind == "late"
    assert "instance 1 was still live" in violation.what
    assert list(unfollowed(switched, modes, [[], []], within=2.6)) == []
    assert list(unfollowed(switched, modes, [[], [Span(11.0, 11.1)]], within=2.0)) == []


def test_an_instance_that_stays_off_is_named_and_one_that_is_switched_again_soon_is_not() -> None:
    modes = [[(0.0, "off")], [(0.0, "off"), (21.0, "live")]]
    assert len(list(unfollowed([(20.0, "on")], modes, [[], []], within=2.0))) == 1
    again = [[(0.0, "off")], [(0.0, "off"), (21.0, "live"), (22.0, "off")]]
    assert list(unfollowed([(20.0, "on"), (21.5, "off")], again, [[], []], within=2.0)) == []
    gone = [[(0.0, "off"), (19.0, "")], [(0.0, "polling")]]
    assert list(unfollowed([(20.0, "on")], gone, [[], []], within=2.0)) == []
