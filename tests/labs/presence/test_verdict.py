"""A checker that cannot fail checks nothing: each kind of what may be wrong is found, and what is right is not."""

from __future__ import annotations

from typing import Any

import pytest

from .account import Account, Left, Reported, Span
from .observations import Gone, Here, Observation, ObserverLog, people_of, typing_of
from .verdict import Excuses, Truth, differences, flickers, merged, truth, versions

TRUE = Truth({"p1": Here("online", frozenset({"d"})), "p2": Here("busy", frozenset({"d", "e"}))}, frozenset({"p2"}))
POLL = ObserverLog("poll at 0", "room", 0)


def seen(people: dict[str, Here] | None = None, typing: set[str] | None = None, at: float = 0.0) -> Observation:
    people = dict(TRUE.people) if people is None else people
    return Observation(at, at, people, frozenset({"p2"} if typing is None else typing), "v", {"user": len(people)})


def kinds(view: Observation, true: Truth = TRUE) -> list[str]:
    return [violation.kind for violation in differences(POLL, view, true)]


def test_who_knows_the_truth_agrees() -> None:
    assert kinds(seen()) == []
    page = {name: Here(here.status) for name, here in TRUE.people.items()}
    assert kinds(seen(page)) == [], "a page is told no devices"


@pytest.mark.parametrize(
    ("people", "kind"),
    [
        ({**TRUE.people, "p3": Here("online")}, "stuck online"),
        ({"p2": TRUE.people["p2"]}, "missing"),
        ({**TRUE.people, "p1": Here("away", frozenset({"d"}))}, "wrong"),
        ({**TRUE.people, "p1": Here("online", frozenset({"d", "old"}))}, "wrong"),
    ],
)
def test_a_list_that_is_wrong(people: dict[str, Here], kind: str) -> None:
    assert kinds(seen(people)) == [kind]


def test_typing_that_is_wrong() -> None:
    assert kinds(seen(typing={"p1", "p2"})) == ["stuck typing"]
    assert kinds(seen(typing=set())) == ["typing missing"]


def test_counts_that_are_wrong() -> None:
    assert kinds(seen()._replace(counts={"user": 3})) == ["wrong"]
    assert kinds(seen()._replace(counts=None)) == []


def test_of_whom_the_driver_was_late_nothing_is_asked() -> None:
    either = Truth(TRUE.people, TRUE.typing, frozenset({"p3"}))
    assert kinds(seen({**TRUE.people, "p3": Here("online")}, {"p2", "p3"}), either) == []


def test_versions_differ_though_lists_do_not() -> None:
    assert list(versions("room", {"a": seen(), "b": seen()})) == []
    assert [each.kind for each in versions("room", {"a": seen(), "b": seen()._replace(version="w")})] == ["versions"]
    assert list(versions("room", {"a": seen(), "page": seen()._replace(version="")})) == []


def report(at: float, device: str = "d", instance: int = 0, status: str = "online") -> Reported:
    return Reported(device, at, at, instance, 9.0, status)


def test_the_truth_is_made_of_what_was_answered() -> None:
    here = Account("p1", 6.0, events=[report(0.0, status="away"), report(0.0, "e", status="busy")])
    gone = Account("p2", 6.0, events=[report(0.0), Left("d", 1.0, 1.1, 0, was_here=True)])
    hidden = Account("p3", 6.0, invisible=True, events=[report(0.0)])
    late = Account("p4", 6.0, events=[report(-8.0), report(0.0)])
    true = truth([here, gone, hidden, late], frozenset({"p1", "p2", "p3"}), 1.0, 0.8)
    assert true == Truth({"p1": Here("busy", frozenset({"d", "e"}))}, frozenset({"p1"}), frozenset({"p4"}))
    assert merged(["away", "away"]) == "away"
    assert merged(["away", "online"]) == "online"


NONE = Excuses()


def flicker(log: ObserverLog, *events: Reported | Left, excuses: Excuses = NONE) -> tuple[int, int]:
    found, judged = flickers(log, [Account("p1", 6.0, events=list(events))], excuses, spread=5.0, leeway=0.5)
    return len(found), judged


RELOAD = (report(0.0), Left("d", 3.0, 3.0, 0, was_here=True), report(4.0))


def watched(*at: float, there: bool, instance: int | None = 0) -> ObserverLog:
    people = {"p1": Here("online")} if there else {}
    return ObserverLog("poll", "room", instance, [seen(people, set(), moment) for moment in at])


def test_who_reloads_within_the_hold_back_is_seen_all_the_time() -> None:
    assert flicker(watched(1.0, 3.5, 5.0, there=True), *RELOAD) == (0, 3)
    assert flicker(watched(3.5, there=False), *RELOAD) == (1, 1)
    assert flicker(watched(3.5, there=False), *RELOAD, excuses=Excuses(blind=[Span(3.0, 4.0)])) == (0, 0)


def test_while_the_store_is_cut_off_an_instance_answers_for_what_it_was_told_itself() -> None:
    cut = Excuses(cut=[Span(0.0, 20.0)])
    assert flicker(watched(3.5, there=False), *RELOAD, excuses=cut) == (1, 1)
    assert flicker(watched(7.0, there=False, instance=1), *RELOAD, excuses=cut) == (0, 0)
    hopped = (report(0.0), Left("d", 3.0, 3.0, 0, was_here=True), report(4.0, instance=1))
    assert flicker(watched(3.3, there=False), *hopped, excuses=cut) == (1, 1)
    assert flicker(watched(6.0, there=False), *hopped, excuses=cut) == (0, 0)
    assert flicker(watched(6.0, there=False), *hopped) == (1, 1)


def test_who_only_leaves_may_not_vanish_before_the_hold_back_is_over_and_may_after_it() -> None:
    assert flicker(watched(4.0, there=False), *RELOAD[:2]) == (1, 1)
    assert flicker(watched(8.8, there=False), *RELOAD[:2]) == (0, 0)


def test_what_was_told_elsewhere_takes_its_time() -> None:
    assert flicker(watched(1.0, 4.0, there=False, instance=1), *RELOAD) == (0, 0)
    assert flicker(watched(7.0, there=False, instance=1), *RELOAD) == (1, 1)


def test_a_word_on_the_channel_that_somebody_left_who_did_not() -> None:
    page = ObserverLog("page", "room", None, gone=[Gone(6.5, "p1"), Gone(6.5, "p2")])
    assert flicker(page, *RELOAD)[0] == 1
    page.gone = [Gone(12.7, "p1")]
    assert flicker(page, *RELOAD)[0] == 0


def test_people_of_a_list_without_whoever_is_not_of_the_lab() -> None:
    given: list[dict[str, Any]] = [{"name": "p7", "status": "online", "devices": [{"device": "d"}]}, {"name": "page"}]
    assert people_of(given) == {"p7": Here("online", frozenset({"d"}))}
    assert people_of([{"name": "p7", "status": "away"}]) == {"p7": Here("away", None)}
    assert typing_of([{"name": "p7"}, {"name": "x"}]) == {"p7"}
