"""What follows from what was answered: who must be shown when, who is here, and when all is over."""

from __future__ import annotations

from .account import Account, Left, Reported, Span, Typed, joined

TTL, HOLD_BACK, SPREAD = 9.0, 6.0, 5.0


def account(*events: Reported | Left, invisible: bool = False) -> Account:
    return Account("p1", HOLD_BACK, invisible, list(events))


def report(at: float, device: str = "d", instance: int = 0, status: str = "online") -> Reported:
    return Reported(device, at, at + 0.1, instance, TTL, status)


def left(at: float, device: str = "d", instance: int = 0, *, was_here: bool = True) -> Left:
    return Left(device, at, at + 0.1, instance, was_here)


def test_a_device_stands_from_its_answer_to_its_time_to_live_after_its_last_report() -> None:
    steady = account(report(0.0), report(3.0), report(6.0))
    assert steady.shown(0, SPREAD) == [Span(0.1, 15.0)]
    assert steady.shown(1, SPREAD) == [Span(5.1, 15.0)]
    assert steady.shown(None, SPREAD) == [Span(5.1, 15.0)]


def test_a_report_that_was_late_promises_nothing_for_the_time_between() -> None:
    assert account(report(0.0), report(8.95)).shown(0, SPREAD) == [Span(0.1, 9.0), Span(9.049999999999999, 17.95)]


def test_who_leaves_is_shown_for_the_hold_back_so_that_a_reload_is_not_seen() -> None:
    assert account(report(0.0), left(2.0)).shown(0, SPREAD) == [Span(0.1, 8.0)]
    assert account(report(0.0), left(2.0), report(7.5)).shown(0, SPREAD) == [Span(0.1, 16.5)]
    assert account(report(0.0), left(2.0), report(8.5)).shown(0, SPREAD) == [Span(0.1, 8.0), Span(8.6, 17.5)]


def test_who_comes_again_elsewhere_is_promised_there_at_once_and_here_when_it_was_told() -> None:
    hopped = account(report(0.0), left(8.0), report(8.5, instance=1))
    assert hopped.shown(0, SPREAD) == [Span(0.1, 17.5)]
    late = account(report(0.0), left(8.0), report(10.0, instance=1))
    assert late.shown(0, SPREAD) == [Span(0.1, 14.0), Span(15.1, 19.0)]


def test_a_word_that_goes_another_way_promises_no_longer_than_the_claim_stood() -> None:
    assert account(report(0.0), left(5.0, instance=1)).shown(0, SPREAD) == [Span(0.1, 9.0)]
    assert account(report(0.0), left(5.0, was_here=False)).shown(0, SPREAD) == [Span(0.1, 5.0)]


def test_what_an_instance_answers_for_by_itself_ends_where_another_is_told() -> None:
    assert account(report(0.0), left(2.0)).own(0) == [Span(0.1, 8.0)]
    assert account(report(0.0), left(2.0)).own(1) == []
    assert account(report(0.0), report(3.0, instance=1)).own(0) == [Span(0.1, 3.0)]
    assert account(report(0.0), left(2.0), report(4.0, instance=1), report(7.0)).own(0) == [
        Span(0.1, 4.0),
        Span(7.1, 16.0),
    ]
    assert account(report(0.0), left(2.0, instance=1)).own(0) == [Span(0.1, 2.0)]


def test_a_person_is_shown_while_any_device_is_and_nobody_who_is_invisible() -> None:
    two = account(report(0.0), report(1.0, "e"), left(2.0), report(8.0, "e"))
    assert two.shown(0, SPREAD) == [Span(0.1, 17.0)]
    assert account(report(0.0), invisible=True).shown(0, SPREAD) == []


def test_who_is_here_and_since_when_that_is_certain() -> None:
    steady = account(report(0.0), report(3.0, "e", status="busy"), left(4.0))
    assert steady.alive(5.0, 0.8) == ({"e": "busy"}, True)
    late = account(report(0.0), report(8.0))
    assert late.alive(9.0, 0.8) == ({"d": "online"}, False)
    assert late.alive(15.0, 0.8) == ({"d": "online"}, False), "nor when the next report is late"
    again = account(report(0.0), report(8.0), report(11.0), report(14.0), report(17.0))
    assert again.alive(17.5, 0.8) == ({"d": "online"}, True)
    assert account(report(0.0)).alive(9.2, 0.8) == ({}, True)


def test_when_what_is_not_reported_any_more_is_gone() -> None:
    some = account(report(0.0), report(3.0, "e"), left(4.0, "e"), report(5.0, "f"))
    assert some.gone_by({"f"}) == 4.1 + HOLD_BACK
    assert some.gone_by({"e", "f"}) == 0.1 + TTL
    assert some.gone_by({"d", "e", "f"}) == 0.0
    assert account(report(0.0), left(1.0, was_here=False)).gone_by(set()) == 0.1 + TTL


def test_typing_ends_by_itself_and_with_a_word() -> None:
    assert Account("p", 1.0, typed=[Typed(1.0, 1.5, 4.0)]).typing_until() == Span(5.0, 5.5)
    assert Account("p", 1.0, typed=[Typed(1.0, 1.5, 4.0), Typed(2.0, 2.5, 0.0)]).typing_until() is None
    assert Account("p", 1.0).typing_until() is None


def test_spans_are_joined() -> None:
    assert joined([Span(3, 4), Span(1, 2), Span(2, 2.5), Span(5, 5)]) == [Span(1, 2.5), Span(3, 4)]
